variable "dir" {}

job "long" {
  task "hold" {
    run "shell" { cmd = "touch ${var.dir}/began; sleep 600" }
    on_cancel "shell" { cmd = "sleep 600" }
    ensure "shell" { cmd = "echo after" }
  }
  ensure "shell" { cmd = "sleep 600" }
}
