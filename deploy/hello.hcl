# The smallest whole pipeline: something that changes, a service, a task that uses it, and a job that follows.

resource "cron" "minute" {
  check_interval = "@every 1m"
}

# A service type of one's own. `process` is the service itself: it is watched, and ended when the job ends.
service_type "greeter" {
  process "exec" {
    path = "/bin/sh"
    args = ["-ec", "while :; do echo \"hello, it is $(date +%T)\" > greeting; sleep 1; done"]
  }
  ready_check "exec" {
    path     = "test"
    args     = ["-s", "greeting"]
    interval = "100ms"
    timeout  = "10s"
  }
}

job "hello" {
  get "cron" "minute" {
    trigger = true
  }
  service "greeter" {}
  task "greet" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", <<-EOT
        echo "This is ${BUILD_JOB_NAME} #$BUILD_NUMBER of ${BUILD_PIPELINE_NAME}."
        for i in 1 2 3; do
          printf '\033[32m%s\033[0m\n' "$(cat greeting)"
          sleep 1
        done
      EOT
      ]
    }
  }
}

job "goodbye" {
  get "cron" "minute" {
    trigger = true
    passed  = ["hello"]
  }
  task "wave" {
    run "exec" {
      path = "echo"
      args = ["hello went well, so this runs; its services are stopped already"]
    }
  }
}
