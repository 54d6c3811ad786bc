# Repositories that have no commit to give.
variable "dir" {}
variable "app_url" {}

resource "git" "app" {
  params {
    url    = var.app_url
    branch = "absent"
  }
  check_interval = "never"
}

resource "git" "headless" {
  params {
    url = "${var.dir}/headless.git"
  }
  check_interval = "never"
}

resource "git" "empty" {
  params {
    url = "${var.dir}/empty.git"
  }
  check_interval = "never"
}

job "prepare" {
  task "repositories" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", <<-EOT
        git clone -q --bare "${var.app_url}" "${var.dir}/headless.git"
        git -C "${var.dir}/headless.git" symbolic-ref HEAD refs/heads/gone
        git init -q --bare "${var.dir}/empty.git"
      EOT
      ]
    }
  }
}
