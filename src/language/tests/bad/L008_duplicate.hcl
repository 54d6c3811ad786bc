job "build" {
  timeout = "1m"
  timeout = "2m"
}
