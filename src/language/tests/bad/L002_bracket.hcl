job "a" {
  tags = ["a"
}
