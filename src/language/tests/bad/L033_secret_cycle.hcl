secret_type "store" {
  get "exec" { path = "get" }
  token = var.c
}
variable "a" {
  secret "env" {
    path = var.b
    key  = "x"
  }
}
variable "b" {
  secret "env" {
    path = "p/${var.a}"
    key  = "x"
  }
}
variable "c" {
  secret "store" {
    path = "x"
    key  = "y"
  }
}
variable "d" {
  secret "env" { key = var.c }
}
job "build" {
  description = "fine"
  task "t" {
    run "exec" {
      env = { A = var.a, D = var.d }
    }
  }
}
