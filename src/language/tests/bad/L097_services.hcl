service_type "s" {
  process "exec" { path = "s" }
}
job "a" {
  service "s" {}
  service "s" {}
  service "s" "x" {}
  service "s" "x" {}
}
