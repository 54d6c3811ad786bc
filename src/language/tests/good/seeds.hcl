service_type "postgres" {
  source = "pikoci://postgresql"
  # source = "https://example.org/services/postgres.hcl"
}

service_type "db" {
  source = "pikoci://postgres"
}

secret_type "vault" {
  source = "pikoci://vault"
}

variable "db_password" {
  secret "vault" {
    path = "secret/data/db"
    key  = "password"
  }
}

resource "git" "my-app" {
  params {
    url    = "https://example.org/my-app.git"
    name   = "app"
    branch = "main"
  }
  check_interval = "@every 1m"
}

job "test" {
  get "git" "my-app" { trigger = true }

  service "postgres" {
    version  = "16"
    port     = "5433"
    password = var.db_password
  }
  service "redis" {}

  task "test" {
    run "docker" {
      image = "rust:1-slim"
      cmd   = "cd app && cargo test"
      args  = ["-v", "/srv/cache:/cache"]
    }
  }
  task "script" {
    run "exec" {
      path = "/bin/sh"
      args = [
        "-ec",
        <<-EOT
          NAME="$WORKDIR/app"   # a variable of this script
          cd "$NAME" 2>/dev/null || true
          cargo build \
            --locked
        EOT
        ,
      ]
    }
  }
}
