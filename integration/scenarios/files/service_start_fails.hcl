variable "dir" {}

service_type "ok" {
  start "shell" { cmd = "echo ok start >> ${var.dir}/order" }
  stop "shell" { cmd = "echo ok stop >> ${var.dir}/order" }
}

service_type "broken" {
  start "shell" { cmd = "echo half started; exit 9" }
  stop "shell" { cmd = "echo broken stop >> ${var.dir}/order" }
}

job "use" {
  service "ok" {}
  service "broken" {}
  task "never" {
    run "shell" { cmd = "echo never >> ${var.dir}/order" }
  }
  on_failure "shell" { cmd = "echo on_failure $BUILD_REASON >> ${var.dir}/order" }
}
