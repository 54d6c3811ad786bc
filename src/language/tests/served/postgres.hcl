resource_type "ignored" {}

service_type "other" {
  params = ["version"]
  start "exec" { path = "other" }
  stop "exec" { path = "other" }
}

service_type "postgres" {
  params = ["version"]
  defaults {
    version = "16"
    port    = 5432
  }
  start "exec" {
    path = "start-${param_version}"
  }
  stop "exec" { path = "stop" }
}
