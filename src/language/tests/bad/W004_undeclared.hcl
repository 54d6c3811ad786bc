resource "git" "app" {
  params {
    url    = "x"
    brnach = "main"
  }
}
secret_type "vault" {
  params = ["address"]
  get "exec" { path = "get" }
  adress = "x"
}
service_type "s" {
  params = ["version"]
  process "exec" { path = "s" }
}
job "a" {
  service "s" { verison = 1 }
}
