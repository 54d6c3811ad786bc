variable "app_url" {}

resource "git" "app" {
  params {
    url = var.app_url
    tag = true
  }
  check_interval = "never"
}

job "release" {
  get "git" "app" { trigger = true }
  task "show" {
    run "shell" { cmd = "echo \"$GET_APP_TAG: $(cat app/text)\"" }
  }
}
