resource "cron" "r0" {
  check_interval = "@every 90s"
}

resource "cron" "r1" {
  check_interval = "*/5 * * * *"
}

resource "cron" "r2" {
  check_interval = "0 8-18 1,15 jan-jun mon-fri"
}

resource "cron" "r3" {
  check_interval = "@hourly"
}

resource "cron" "r4" {
  check_interval = "TZ=Europe/Vienna @daily"
}

resource "cron" "r5" {
  check_interval = "CRON_TZ=UTC 0 6 * * 7"
}

resource "cron" "r6" {
  check_interval = "never"
}
