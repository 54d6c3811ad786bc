variable "dir" {}

service_type "thing" {
  process "exec" {
    path = "sleep"
    args = ["600"]
  }
  ready_check "shell" {
    cmd     = "touch ${var.dir}/asked; sleep 600"
    timeout = "5m"
  }
  stop "shell" { cmd = "echo stop >> ${var.dir}/order" }
}

job "long" {
  service "thing" {}
  task "never" {
    run "shell" { cmd = "echo never >> ${var.dir}/order" }
  }
}
