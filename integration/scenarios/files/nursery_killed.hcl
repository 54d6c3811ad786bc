variable "dir" {}

job "long" {
  task "hold" {
    run "shell" { cmd = "touch ${var.dir}/began; until [ -e ${var.dir}/go ]; do sleep 0.02; done; echo still here" }
  }
}

job "next" {
  task "quick" {
    run "shell" { cmd = "echo quick" }
  }
}
