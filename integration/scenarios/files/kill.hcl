variable "dir" {}

service_type "thing" {
  start "shell" { cmd = "setsid sleep 600 > /dev/null 2>&1 & true" }
  stop "shell" { cmd = "echo stop $BUILD_RUN >> ${var.dir}/order" }
}

job "long" {
  service "thing" {}
  task "hold" {
    run "shell" { cmd = "setsid sleep 600 & touch ${var.dir}/began; until [ -e ${var.dir}/go ]; do sleep 0.02; done; echo work $BUILD_RUN >> ${var.dir}/order" }
  }
}
