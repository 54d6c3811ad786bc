job "build" {
  in_parallel {}
}
