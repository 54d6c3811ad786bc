job "build" {
  env = { A = "b" }
}
