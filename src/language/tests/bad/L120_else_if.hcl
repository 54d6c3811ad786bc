job "build" {
  else_if "x" {}
}
