variable "a" {
  default = "x"
}

resource_type "thing" {
  check "exec" {
    path = var.a
  }
}
