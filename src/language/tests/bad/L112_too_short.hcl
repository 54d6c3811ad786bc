resource "cron" "a" { check_interval = "@every 9s" }
