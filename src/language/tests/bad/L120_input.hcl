job "build" {
  input "x" {}
}
