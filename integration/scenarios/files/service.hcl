# A service of one's own as a process: started, ready, used, stopped.
variable "dir" {}

service_type "counter" {
  params = ["step"]

  defaults {
    step = 1
  }
  process "exec" {
    path = "/bin/sh"
    args = ["-ec", "echo \"counting by $param_step\"; sleep 0.2; touch up; exec sleep 600"]
  }
  ready_check "exec" {
    path     = "test"
    args     = ["-e", "up"]
    interval = "50ms"
    timeout  = "30s"
  }
  stop "exec" {
    path = "/bin/sh"
    args = ["-ec", "echo \"stopping $SERVICE_NAME by $param_step in $BUILD_JOB_NAME\"; test -e up"]
  }
}

job "use" {
  task "before" {
    run "shell" { cmd = "test ! -e up" }
  }
  service "counter" "mine" {
    step = 5
  }
  task "with" {
    run "shell" { cmd = "test -e up" }
  }
}
