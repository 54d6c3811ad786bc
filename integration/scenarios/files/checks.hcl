# Checks that go wrong in every way.
variable "dir" {}

resource_type "says" {
  params = ["text"]
  check "exec" {
    path = "/bin/sh"
    args = ["-ec", "echo some log; echo \"$param_text\""]
  }
}

resource_type "from-file" {
  check "exec" {
    path = "/bin/sh"
    args = ["-ec", "echo looking >&2; cat ${var.dir}/versions"]
  }
}

resource_type "absent" {
  check "exec" { path = "no-such-program" }
}

resource "says" "garbage" {
  params {
    text = "this is [no json"
  }
  check_interval = "never"
}

resource "says" "nothing" {
  params {
    text = "[]"
  }
  check_interval = "never"
}

resource "says" "scalar" {
  params {
    text = "[1, 2]"
  }
  check_interval = "never"
}

resource "absent" "program" { check_interval = "never" }

resource "from-file" "steps" { check_interval = "never" }

job "each" {
  get "from-file" "steps" { trigger = true }
  task "show" {
    run "shell" { cmd = "echo \"$GET_STEPS_N $GET_STEPS_META_DEEP\"" }
  }
}
