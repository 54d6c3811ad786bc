variable "dir" {}

service_type "thing" {
  process "exec" {
    path = "sleep"
    args = ["600"]
  }
  stop "shell" { cmd = "echo stop >> ${var.dir}/order" }
}

job "long" {
  service "thing" {}
  task "hold" {
    attempts = 5
    run "shell" { cmd = "setsid sleep 600 & touch ${var.dir}/began; sleep 600" }
    on_success "shell" { cmd = "echo never >> ${var.dir}/order" }
    on_failure "shell" { cmd = "echo never >> ${var.dir}/order" }
    on_cancel "shell" { cmd = "echo step on_cancel $BUILD_REASON >> ${var.dir}/order" }
    ensure "shell" { cmd = "echo step ensure >> ${var.dir}/order" }
  }
  task "later" {
    run "shell" { cmd = "echo never >> ${var.dir}/order" }
  }
  on_failure "shell" { cmd = "echo never >> ${var.dir}/order" }
  on_cancel "shell" { cmd = "echo job on_cancel $BUILD_STATUS $BUILD_REASON >> ${var.dir}/order" }
  ensure "shell" { cmd = "echo job ensure >> ${var.dir}/order" }
}
