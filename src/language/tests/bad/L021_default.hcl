variable "a" { default = "x" }
variable "b" { default = "${var.a}y" }
variable "c" { default = upper("fine") }
variable "d" { default = each.key }
