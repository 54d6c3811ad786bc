job "build" {
  matrix { os = ["a"] }
}
