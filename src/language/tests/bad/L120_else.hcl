job "build" {
  else {}
}
