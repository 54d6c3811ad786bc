job "build" {
  variables = { A = "b" }
}
