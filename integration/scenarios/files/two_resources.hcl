# A job that needs two resources, each through a job of its own.
variable "app_url" {}
variable "lib_url" {}

resource "git" "app" {
  params {
    url = var.app_url
  }
  check_interval = "never"
}

resource "git" "lib" {
  params {
    url = var.lib_url
  }
  check_interval = "never"
}

job "app" {
  get "git" "app" { trigger = true }
}

job "lib" {
  get "git" "lib" { trigger = true }
}

job "both" {
  get "git" "app" {
    trigger = true
    passed  = ["app"]
  }
  get "git" "lib" {
    trigger = true
    passed  = ["lib"]
  }
  task "show" {
    run "shell" { cmd = "cat app/text lib/text" }
  }
}
