variable "s" {
  secret "env" { key = "S" }
}

runner_type "ssh" {
  run {
    path = "ssh"
    args = ["$host", "$cmd"]
  }
}

resource_type "remote" {
  check "exec" {
    path = "/bin/sh"
    args = ["-ec", "curl -H 'Authorization: ${var.s}' example.org"]
  }
  runner "ssh" { host = "h" }
}

# The built-in runner hands the script over without arguments.
resource_type "local" {
  check "exec" {
    path = "/bin/sh"
    args = ["-ec", "curl -H 'Authorization: ${var.s}' example.org"]
  }
  runner "docker" { image = "curlimages/curl" }
}

resource "remote" "a" {}

resource "local" "b" {}

job "build" {
  get "remote" "a" {}
  get "local" "b" {}
}
