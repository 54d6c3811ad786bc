variable "token" {
  secret "env" {
    key = "NOT_THERE"
  }
}

job "lost" {
  task "show" {
    env = {
      TOKEN = var.token
    }
    run "shell" { cmd = "echo never" }
  }
  ensure "shell" { cmd = "echo always" }
}
