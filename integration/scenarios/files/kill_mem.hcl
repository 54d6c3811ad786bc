variable "dir" {}

service_type "a" {
  start "shell" { cmd = "setsid sleep 600 > /dev/null 2>&1 & true" }
  stop "shell" { cmd = "sleep 0.3; echo stop a >> ${var.dir}/order" }
}

service_type "b" {
  process "exec" {
    path = "sleep"
    args = ["600"]
  }
  stop "shell" { cmd = "echo about to stop; echo stop b >> ${var.dir}/order" }
}

job "long" {
  service "a" {}
  task "between" {
    run "shell" { cmd = "true" }
  }
  service "b" {}
  task "hold" {
    run "shell" { cmd = "trap '' TERM; touch ${var.dir}/began; while :; do sleep 600; done" }
    ensure "shell" { cmd = "echo never >> ${var.dir}/order" }
  }
}
