variable "dir" {}

service_type "thing" {
  start "shell" { cmd = "true" }
  stop "shell" { cmd = "touch ${var.dir}/stopping; until [ -e ${var.dir}/go ]; do sleep 0.02; done; echo stop >> ${var.dir}/order" }
}

job "long" {
  service "thing" {}
  task "quick" {
    run "shell" { cmd = "echo quick" }
  }
  on_success "shell" { cmd = "echo never >> ${var.dir}/order" }
  on_cancel "shell" { cmd = "echo cancelled >> ${var.dir}/order" }
}
