# `version = "latest"`: of several new versions only the newest counts.
variable "dir" {}

resource_type "from-file" {
  check "exec" {
    path = "cat"
    args = ["${var.dir}/versions"]
  }
}

resource "from-file" "x" { check_interval = "never" }

job "newest" {
  get "from-file" "x" {
    trigger = true
    version = "latest"
  }
  task "show" {
    run "shell" { cmd = "echo \"$GET_X_N\"" }
  }
}

job "all" {
  concurrency = 1
  get "from-file" "x" { trigger = true }
  task "show" {
    run "shell" { cmd = "echo \"$GET_X_N\"" }
  }
}

job "after" {
  get "from-file" "x" {
    trigger = true
    passed  = ["all"]
    version = "every"
  }
  task "show" {
    run "shell" { cmd = "echo \"$GET_X_N\"" }
  }
}
