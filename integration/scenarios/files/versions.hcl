# Versions that nobody checks for: from outside, by hand.
resource_type "thing" {
  params = []
  pull "exec" {
    path = "/bin/sh"
    args = ["-ec", "echo \"$version_n\" > thing"]
  }
}

resource "thing" "one" {}

job "use" {
  get "thing" "one" { trigger = true }
  task "show" {
    run "shell" { cmd = "cat thing" }
  }
}

job "pick" {
  get "thing" "one" {}
  task "show" {
    run "shell" { cmd = "cat thing" }
  }
}
