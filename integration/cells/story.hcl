variable "dir" {}
variable "app_url" {}

resource "git" "app" {
  params { url = var.app_url }
  check_interval = "@every 1h"
}

service_type "board" {
  start "shell" { cmd = "echo started $BUILD_JOB_NAME $BUILD_NUMBER.$BUILD_RUN >> ${var.dir}/board; setsid sleep 600 > /dev/null 2>&1 & true" }
  stop "shell" { cmd = "echo stopped $BUILD_JOB_NAME $BUILD_NUMBER.$BUILD_RUN >> ${var.dir}/board" }
}

job "first" {
  get "git" "app" { trigger = true }
  service "board" {}
  task "speak" {
    run "shell" { cmd = "cat app/words; seq 1 2000" }
  }
}

job "second" {
  get "git" "app" {
    trigger = true
    passed  = ["first"]
  }
  task "answer" {
    run "shell" { cmd = "echo heard $(cat app/words)" }
  }
}

job "endless" {
  service "board" {}
  task "wait" {
    run "shell" { cmd = "echo waiting; exec sleep 600" }
  }
}

# Half of its lines, then the gate, then the other half.
job "gated" {
  service "board" {}
  task "count" {
    run "shell" { cmd = "seq 1 1500; until [ -e ${var.dir}/gate-$BUILD_NUMBER ]; do sleep 0.05; done; seq 1501 3000" }
  }
}
