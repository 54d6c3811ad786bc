resource "cron" "c" {}
job "build" {
  put "cron" "c" {}
}
