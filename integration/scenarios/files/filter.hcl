variable "app_url" {}

resource "git" "app" {
  params {
    url          = var.app_url
    paths        = ["src/**"]
    ignore_paths = ["src/docs/**"]
  }
  check_interval = "never"
}

job "build" {
  get "git" "app" { trigger = true }
  task "show" {
    run "shell" { cmd = "cat app/src/text" }
  }
}
