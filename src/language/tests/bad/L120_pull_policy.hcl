job "build" {
  pull_policy = "always"
}
