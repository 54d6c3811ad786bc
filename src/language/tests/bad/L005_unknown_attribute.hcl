top = 1

resource "cron" "c" {
  check_intervall = "@every 1m"
  colour          = "red"
  suffix          = "x"
}

job "build" {
  task = "x"
  get "cron" "c" {
    triger = true
  }
}

service_type "s" {
  suffix = "x"
  process "exec" { path = "s" }
}
