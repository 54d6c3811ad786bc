resource "cron" "second" { check_interval = "@every 1s" }

resource "cron" "rare" { check_interval = "@yearly" }

job "tick" {
  concurrency = 1
  get "cron" "second" {
    trigger = true
    version = "latest"
  }
  task "show" {
    run "shell" { cmd = "echo \"$GET_SECOND_DATE\" | grep -c T" }
  }
}
