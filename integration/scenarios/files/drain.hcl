variable "dir" {}

job "long" {
  task "hold" {
    run "shell" { cmd = "touch ${var.dir}/began; until [ -e ${var.dir}/go ]; do sleep 0.02; done; echo done >> ${var.dir}/order" }
  }
  on_success "shell" { cmd = "echo hook >> ${var.dir}/order" }
}
