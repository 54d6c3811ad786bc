job "build" {
  image = "x"
}
