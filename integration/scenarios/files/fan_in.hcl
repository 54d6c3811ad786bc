# Two jobs side by side; the third takes only what went through both.
variable "app_url" {}
variable "dir" {}

resource "git" "app" {
  params {
    url = var.app_url
  }
  check_interval = "never"
}

job "unit" {
  get "git" "app" { trigger = true }
}

job "lint" {
  get "git" "app" { trigger = true }
  task "wait" {
    run "shell" { cmd = "until [ -e ${var.dir}/go ]; do sleep 0.02; done; test ! -e app/ugly" }
  }
}

job "pack" {
  get "git" "app" {
    trigger = true
    passed  = ["unit", "lint"]
  }
  task "show" {
    run "shell" { cmd = "cat app/text" }
  }
}
