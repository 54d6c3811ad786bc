variable "channel" { default = "x" }
job "build" {
  description = "${var.chanel} ${var.other} ${var["third"]}"
  timeout     = true ? "1m" : var.fourth
}
