resource "cron" "a" { check_interval = "sometimes" }
resource "cron" "b" { check_interval = "61 * * * *" }
resource "cron" "c" { check_interval = "TZ=Mars/Olympus @daily" }
resource "cron" "d" { check_interval = "0 0 30 2 *" }
resource "cron" "e" { check_interval = "@every 0s" }
