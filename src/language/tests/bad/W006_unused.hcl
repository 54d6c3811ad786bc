#! strict
resource_type "used" {
  check "exec" {}
}
resource_type "unused" {
  check "exec" {}
}
resource "used" "used" {}
resource "used" "unused" {}
runner_type "r" {
  run { path = "x" }
}
secret_type "s" {
  get "exec" { path = "x" }
}
service_type "v" {
  process "exec" { path = "x" }
}
job "a" {
  get "used" "used" {}
}
