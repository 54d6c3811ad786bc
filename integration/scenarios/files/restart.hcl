variable "app_url" {}

resource "git" "app" {
  params {
    url = var.app_url
  }
  check_interval = "never"
}

job "build" {
  get "git" "app" { trigger = true }
  task "show" {
    run "shell" { cmd = "cat app/text" }
  }
}

job "next" {
  get "git" "app" {
    trigger = true
    passed  = ["build"]
  }
}
