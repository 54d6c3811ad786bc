variable "dir" {}

job "slow" {
  concurrency = 1
  task "wait" {
    run "shell" { cmd = "touch ${var.dir}/began.$BUILD_NUMBER; until [ -e ${var.dir}/go.$BUILD_NUMBER ]; do sleep 0.02; done" }
  }
}
