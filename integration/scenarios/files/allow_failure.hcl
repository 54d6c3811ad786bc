variable "app_url" {}

resource "git" "app" {
  params {
    url = var.app_url
  }
  check_interval = "never"
}

job "shaky" {
  allow_failure = true
  get "git" "app" { trigger = true }
  task "fail" {
    run "shell" { cmd = "exit 1" }
  }
  on_success "shell" { cmd = "echo never" }
  on_failure "shell" { cmd = "echo \"$BUILD_STATUS\"" }
}

job "next" {
  get "git" "app" {
    trigger = true
    passed  = ["shaky"]
  }
}
