job "build" {
  ensure { put "git" "app" {} }
}
