job "build" {
  notify "slack" "dev" {}
}
