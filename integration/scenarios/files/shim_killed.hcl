variable "dir" {}

service_type "thing" {
  start "shell" { cmd = "setsid sleep 600 > /dev/null 2>&1 & true" }
  stop "shell" { cmd = "echo stop >> ${var.dir}/order" }
}

job "long" {
  service "thing" {}
  task "hold" {
    run "shell" { cmd = "echo run $BUILD_RUN; if [ $BUILD_RUN = 2 ]; then exit 0; fi; setsid sleep 600 & touch ${var.dir}/began; sleep 600" }
  }
}

job "next" {
  task "quick" {
    run "shell" { cmd = "echo quick" }
  }
}
