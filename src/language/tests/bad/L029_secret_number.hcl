variable "a" {
  type = number
  secret "env" { key = "A" }
}
