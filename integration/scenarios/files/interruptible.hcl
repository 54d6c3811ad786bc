variable "dir" {}

job "newest" {
  interruptible = true
  task "hold" {
    run "shell" { cmd = "touch ${var.dir}/began.$BUILD_NUMBER; until [ -e ${var.dir}/go ]; do sleep 0.02; done" }
  }
}
