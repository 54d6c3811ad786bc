variable "dir" {}

service_type "thing" {
  process "exec" {
    path = "sleep"
    args = ["600"]
  }
  stop "shell" { cmd = "echo stop $BUILD_RUN >> ${var.dir}/order" }
}

job "long" {
  service "thing" {}
  task "hold" {
    run "shell" { cmd = "echo begin >> ${var.dir}/order; touch ${var.dir}/began; until [ -e ${var.dir}/go ]; do sleep 0.02; done" }
  }
}

job "proud" {
  on_worker_loss = "fail"
  task "hold" {
    run "shell" { cmd = "touch ${var.dir}/proud; sleep 600" }
  }
}
