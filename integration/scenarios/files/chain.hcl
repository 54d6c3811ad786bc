# Three jobs in a row, each working on what the one before let through.
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
    run "shell" { cmd = "cat app/text" }
  }
}

job "test" {
  get "git" "app" {
    trigger = true
    passed  = ["build"]
  }
  task "check" {
    run "shell" { cmd = "tr a-z A-Z < app/text" }
  }
}

job "ship" {
  get "git" "app" {
    trigger = true
    passed  = ["build", "test"]
  }
  task "send" {
    run "shell" { cmd = "echo \"shipping $GET_APP_REF\"" }
  }
}
