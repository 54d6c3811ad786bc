variable "a" {
  secret "env" { key = "A" }
  secret "env" { key = "B" }
}
