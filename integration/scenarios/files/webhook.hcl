variable "dir" {}

resource "fs" "notes" {
  params {
    path = "${var.dir}/notes"
  }
  check_interval = "never"
}

job "read" {
  get "fs" "notes" { trigger = true }
  task "show" {
    run "shell" { cmd = "cat notes" }
  }
}
