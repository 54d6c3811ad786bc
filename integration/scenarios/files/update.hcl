variable "dir" {}

job "work" {
  task "hold" {
    run "shell" { cmd = "touch ${var.dir}/began; until [ -e ${var.dir}/go ]; do sleep 0.02; done; echo old" }
  }
  task "second" {
    run "shell" { cmd = "echo old second" }
  }
}

job "gone" {
  task "x" {
    run "shell" { cmd = "echo x" }
  }
}
