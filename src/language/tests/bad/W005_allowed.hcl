#! allow-secret-args
variable "s" {
  secret "env" { key = "S" }
}

job "a" {
  task "t" {
    run "exec" {
      path = "curl"
      args = ["-H", "X: ${var.s}"]
    }
  }
}
