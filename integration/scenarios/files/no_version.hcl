variable "dir" {}
variable "app_url" {}

resource "fs" "later" {
  params {
    path = "${var.dir}/later"
  }
  check_interval = "never"
}

resource "git" "app" {
  params {
    url = var.app_url
  }
  check_interval = "never"
}

job "first" {
  get "git" "app" {}
  task "fail" {
    run "shell" { cmd = "exit 1" }
  }
}

job "passed" {
  get "git" "app" { passed = ["first"] }
}

job "needs" {
  get "fs" "later" {}
  task "show" {
    run "shell" { cmd = "cat later" }
  }
}
