variable "dir" {}

service_type "thing" {
  start "shell" { cmd = "echo start >> ${var.dir}/order" }
  stop "shell" { cmd = "echo stop >> ${var.dir}/order" }
}

job "bad" {
  service "thing" {}
  task "work" {
    run "shell" { cmd = "echo work >> ${var.dir}/order; exit 4" }
    on_success "shell" { cmd = "echo never >> ${var.dir}/order" }
    on_failure "shell" { cmd = "echo step on_failure >> ${var.dir}/order; exit 1" }
    on_cancel "shell" { cmd = "echo never >> ${var.dir}/order" }
    ensure "shell" { cmd = "echo step ensure >> ${var.dir}/order" }
  }
  task "next" {
    run "shell" { cmd = "echo never >> ${var.dir}/order" }
  }
  on_success "shell" { cmd = "echo never >> ${var.dir}/order" }
  on_failure "shell" { cmd = "echo job on_failure $BUILD_STATUS >> ${var.dir}/order" }
  on_cancel "shell" { cmd = "echo never >> ${var.dir}/order" }
  ensure "shell" { cmd = "echo job ensure >> ${var.dir}/order; exit 1" }
}
