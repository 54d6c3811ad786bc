job "a" {
  tags = ["a", "b", "a"]
}
job "b" {
  tags = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]
}
