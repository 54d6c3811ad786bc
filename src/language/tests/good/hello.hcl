resource "cron" "minute" {
  check_interval = "@every 1m"
}

job "hello" {
  get "cron" "minute" { trigger = true }
  task "greet" {
    run "exec" {
      path = "echo"
      args = ["hello from ${BUILD_JOB_NAME}"]
    }
  }
}
