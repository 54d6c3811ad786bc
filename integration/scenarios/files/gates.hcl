# Gets of one job that share a name: two gates of one resource, and two resources of different types.
variable "app_url" {}
variable "dir" {}

resource "git" "app" {
  params {
    url = var.app_url
  }
  check_interval = "never"
}

resource "fs" "app" {
  params {
    path = "${var.dir}/notes"
  }
  check_interval = "never"
}

job "unit" {
  get "git" "app" { trigger = true }
  task "test" {
    run "shell" { cmd = "sh app/unit" }
  }
}

job "lint" {
  get "git" "app" { trigger = true }
  task "test" {
    run "shell" { cmd = "sh app/lint" }
  }
}

job "deploy" {
  get "git" "app" {
    trigger = true
    passed  = ["unit"]
  }
  task "tested" {
    run "shell" { cmd = "cat app/text" }
  }
  get "git" "app" {
    trigger = true
    passed  = ["lint"]
  }
  task "linted" {
    run "shell" { cmd = "cat app/text" }
  }
}

job "both" {
  get "git" "app" {
    trigger = true
    passed  = ["deploy"]
  }
  get "fs" "app" {}
  task "show" {
    run "shell" { cmd = "cat app/text notes" }
  }
}
