variable "app_url" {}
variable "dir" {}

resource "git" "app" {
  params {
    url = var.app_url
  }
  check_interval = "never"
}

job "flaky" {
  get "git" "app" { trigger = true }
  task "show" {
    run "shell" { cmd = "cat app/text; test -e ${var.dir}/mended" }
  }
}

job "hold" {
  task "hold" {
    run "shell" { cmd = "touch ${var.dir}/held; until [ -e ${var.dir}/mended ]; do sleep 0.02; done" }
  }
}

job "once" {
  disable_retry = true
}
