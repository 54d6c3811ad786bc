variable "dir" {}

job "long" {
  task "quick" {
    run "shell" { cmd = "echo quick" }
  }
  on_success "shell" { cmd = "touch ${var.dir}/hook; until [ -e ${var.dir}/go ]; do sleep 0.02; done; echo on_success" }
  ensure "shell" { cmd = "echo \"$BUILD_STATUS\"" }
}
