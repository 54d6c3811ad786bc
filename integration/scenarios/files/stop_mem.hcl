variable "dir" {}

service_type "thing" {
  process "exec" {
    path = "sleep"
    args = ["600"]
  }
  stop "shell" { cmd = "sleep 0.3; echo stop >> ${var.dir}/order" }
}

job "long" {
  service "thing" {}
  task "hold" {
    run "shell" { cmd = "setsid sleep 600 & touch ${var.dir}/began; sleep 600" }
    ensure "shell" { cmd = "echo never >> ${var.dir}/order" }
  }
  ensure "shell" { cmd = "echo never >> ${var.dir}/order" }
}
