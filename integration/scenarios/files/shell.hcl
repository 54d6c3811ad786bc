variable "app_url" {}

resource "git" "app" {
  params {
    url = var.app_url
  }
  check_interval = "never"
}

job "run" {
  get "git" "app" { trigger = true }
  task "file" {
    run "shell" { file = "app/script" }
  }
  task "by-shell" {
    run "shell" {
      file  = "app/plain"
      shell = "/bin/bash"
      args  = ["given"]
    }
  }
  task "fails-early" {
    run "shell" { cmd = "echo one\nfalse\necho never" }
  }
}
