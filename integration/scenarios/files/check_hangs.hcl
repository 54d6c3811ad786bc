# A check that never ends: it costs a check slot, no more.
variable "dir" {}

resource_type "hanging" {
  check "exec" {
    path = "/bin/sh"
    args = ["-ec", "touch ${var.dir}/hanging; sleep 600"]
  }
}

resource_type "quick" {
  check "exec" {
    path = "echo"
    args = ["[{\"n\":1}]"]
  }
}

resource "hanging" "check" { check_interval = "never" }

resource "quick" "check" { check_interval = "never" }

job "go" {
  get "quick" "check" { trigger = true }
  task "on" {
    run "shell" { cmd = "touch ${var.dir}/went-on" }
  }
}
