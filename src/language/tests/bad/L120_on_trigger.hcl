job "build" {
  on_trigger {}
}
