variable "dir" {}

job "long" {
  task "hold" {
    run "shell" { cmd = "trap '' TERM; touch ${var.dir}/began; while :; do sleep 600; done" }
    ensure "shell" { cmd = "echo always" }
  }
}
