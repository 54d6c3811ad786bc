job "build" {
  approve "x" {}
}
