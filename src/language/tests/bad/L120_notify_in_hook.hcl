job "build" {
  on_failure {
    notify "slack" "dev" {}
  }
}
