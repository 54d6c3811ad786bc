variable "dir" {}

service_type "thing" {
  start "shell" { cmd = "touch ${var.dir}/began; sleep 600; touch ${var.dir}/went-on" }
  stop "shell" { cmd = "echo stop >> ${var.dir}/order" }
}

job "long" {
  service "thing" {}
  task "never" {
    run "shell" { cmd = "echo never >> ${var.dir}/order" }
  }
  on_cancel "shell" { cmd = "echo on_cancel >> ${var.dir}/order" }
}
