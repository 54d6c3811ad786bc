# What fails goes no further.
variable "app_url" {}

resource "git" "app" {
  params {
    url = var.app_url
  }
  check_interval = "never"
}

job "build" {
  get "git" "app" { trigger = true }
  task "compile" {
    run "shell" { cmd = "sh app/script" }
  }
}

job "test" {
  get "git" "app" {
    trigger = true
    passed  = ["build"]
  }
}
