variable "a" { default = 1 }
variable "a" { default = 2 }
resource "cron" "c" {}
resource "cron" "c" {}
service_type "s" {
  process "exec" { path = "s" }
}
service "s" {
  process "exec" { path = "s" }
}
job "build" {}
job "build" {}
