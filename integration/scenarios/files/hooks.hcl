# Every hook writes its line; the file shows who ran, and in which order.
variable "dir" {}

service_type "thing" {
  start "shell" { cmd = "echo start >> ${var.dir}/order" }
  stop "shell" { cmd = "echo stop >> ${var.dir}/order" }
}

job "good" {
  service "thing" {}
  task "work" {
    run "shell" { cmd = "echo work >> ${var.dir}/order" }
    on_success "shell" { cmd = "echo step on_success >> ${var.dir}/order" }
    on_failure "shell" { cmd = "echo never >> ${var.dir}/order" }
    on_cancel "shell" { cmd = "echo never >> ${var.dir}/order" }
    ensure "shell" { cmd = "echo step ensure >> ${var.dir}/order" }
  }
  task "next" {
    run "shell" { cmd = "echo next >> ${var.dir}/order" }
  }
  on_success "shell" { cmd = "echo job on_success $BUILD_STATUS >> ${var.dir}/order" }
  on_failure "shell" { cmd = "echo never >> ${var.dir}/order" }
  on_cancel "shell" { cmd = "echo never >> ${var.dir}/order" }
  ensure "shell" { cmd = "echo job ensure $BUILD_STATUS >> ${var.dir}/order" }
}
