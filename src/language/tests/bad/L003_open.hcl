job "build" {
  get "git" "lib" { trigger = true
    passed = ["x"]
  }
}
