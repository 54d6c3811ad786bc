variable "a" {
  secret "vault" {
    path = "x"
  }
}
