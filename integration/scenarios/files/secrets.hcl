# A secret from the worker's environment and one from a file, shown in every way that a careless script finds.
variable "dir" {}

variable "token" {
  secret "env" {
    key = "TOKEN"
  }
}

variable "password" {
  secret "file" {
    path = "${var.dir}/secrets.json"
    key  = "db.password"
  }
}

job "careless" {
  task "show" {
    env = {
      TOKEN    = var.token
      PASSWORD = var.password
    }
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", <<-EOT
        echo "raw: $TOKEN and $PASSWORD."
        printf '%s' "$TOKEN" | base64
        printf 'x%s' "$TOKEN" | base64 > /dev/null
        printf '%s' "$TOKEN" | cut -c 1-7 | tr -d '\n'; sleep 0.2; printf '%s\n' "$TOKEN" | cut -c 8-
        sleep 0.2; echo "$TOKEN$TOKEN" >&2; sleep 0.2
        echo "almost: sesame-op"
      EOT
      ]
    }
  }
  task "script" {
    run "shell" { cmd = "echo ${var.token} | wc -c; touch ${var.dir}/looking; until [ -e ${var.dir}/go ]; do sleep 0.02; done" }
  }
}
