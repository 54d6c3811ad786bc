secret_type "vault" {
  get "exec" {
    path = "vault-get"
  }
  token = var.token
}

variable "channel" { default = "nightly" }

variable "token" {
  secret "env" {
    key = "VAULT_TOKEN"
  }
}

variable "db_password" {
  type = string
  secret "vault" {
    path = "secret/data/${var.channel}"
    key  = "password"
  }
}

service_type "db" {
  params = ["password", "url"]
  start "exec" { path = "start" }
  stop "exec" { path = "stop" }
}

resource_type "api" {
  params = ["token"]
  check "exec" { path = "check" }
  push "exec" {}
}

resource "api" "it" {
  params {
    token = var.db_password
  }
}

job "test" {
  service "db" {
    password = var.db_password
    url      = format("postgres://u:%s@localhost/%s", var.db_password, "db")
  }
  task "script" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", "curl -H 'X: ${var.db_password}' $URL"]
      env  = { PASSWORD = var.db_password, LIST = join(",", ["a", var.db_password]) }
    }
  }
  task "shell" {
    run "shell" {
      cmd = "echo ${var.db_password}"
    }
  }
  put "api" "it" {
    token = true ? var.db_password : "none"
    list  = ["a", { b = var.db_password, n = 1 }]
  }
}
