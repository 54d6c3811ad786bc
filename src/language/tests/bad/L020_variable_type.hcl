variable "a" {
  type = list(string)
}
variable "b" { type = any }
variable "c" { type = "strin" }
