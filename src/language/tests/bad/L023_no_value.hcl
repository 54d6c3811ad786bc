variable "a" {}
job "build" {
  description = var.a
}
