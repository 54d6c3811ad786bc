variable "s" {
  secret "env" { key = "S" }
}

runner_type "ssh" {
  run {
    path = "ssh"
    args = ["$host", "$cmd", "$args"]
  }
}
job "build" {
  task "t" {
    run "exec" {
      path = "curl-${var.s}"
      args = ["-H", "Authorization: ${var.s}"]
    }
  }
  task "u" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", "fine ${var.s}", "sh", var.s]
    }
  }
  task "v" {
    run "docker" {
      image = "x"
      cmd   = "fine ${var.s}"
      args  = ["-e", "A=${var.s}"]
    }
  }
  task "w" {
    run "ssh" {
      host  = "h"
      cmd   = "login ${var.s}"
      other = var.s
      args  = [var.s]
    }
  }
}
