# Definitions that are a built-in with something laid over it; what stands here lies over that.
resource_type "clock" {
  source = "http://SERVER/overlaid.hcl"
  params = ["form"]
  defaults {
    form = "short"
  }
}

secret_type "ci" { source = "http://SERVER/overlaid.hcl" }

runner_type "box" { source = "http://SERVER/overlaid.hcl" }

variable "token" {
  secret "ci" {
    path = "-"
    key  = "TOKEN"
  }
}

resource "clock" "hourly" {
  params { zone = "CET" }
}

job "show" {
  get "clock" "hourly" { trigger = true }
  task "time" {
    run "box" {
      image = "busybox"
      cmd   = "date"
    }
    env = { TOKEN = var.token }
  }
}
