# A job that pushes; what it pushed starts the next.
variable "site_url" {}

resource "git" "site" {
  params {
    url = var.site_url
  }
  check_interval = "never"
}

job "publish" {
  get "git" "site" {}
  task "write" {
    run "shell" { cmd = "echo page >> site/index" }
  }
  put "git" "site" { message = "a page" }
  task "told" {
    run "shell" { cmd = "git -C site rev-parse HEAD > head; [ \"$(cat head)\" = \"$GET_SITE_REF\" ]" }
  }
}

job "announce" {
  get "git" "site" {
    trigger = true
    passed  = ["publish"]
  }
  task "show" {
    run "shell" { cmd = "cat site/index" }
  }
}

job "watch" {
  get "git" "site" { trigger = true }
  task "show" {
    run "shell" { cmd = "cat site/index" }
  }
}
