service_type "s" {
  process "exec" { path = "s" }
  ready_check "exec" {
    path     = "x"
    interval = "0s"
    timeout  = "soon"
  }
}
resource "cron" "c" { check_interval = "@every 5" }
job "a" {
  timeout = "10"
  task "t" {
    timeout = "-1s"
    run "exec" {}
  }
}
job "b" { timeout = 90 }
