secret_type "leaky" {
  get "exec" {
    path = "/bin/sh"
    args = ["-ec", "echo '{\"pw\":\"hunter2hunter2\"}'; echo \"denied for hunter2hunter2\" >&2; exit 4"]
  }
}

variable "password" {
  secret "leaky" {
    path = "store"
    key  = "pw"
  }
}

job "leak" {
  task "never" {
    env = {
      PASSWORD = var.password
    }
    run "shell" { cmd = "echo never" }
  }
}
