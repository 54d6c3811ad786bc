variable "dir" {}

service_type "mortal" {
  process "shell" { cmd = "until [ -e ${var.dir}/die ]; do sleep 0.02; done; echo dying; exit 5" }
  stop "shell" { cmd = "echo stop >> ${var.dir}/order" }
}

job "use" {
  service "mortal" {}
  task "long" {
    run "shell" { cmd = "touch ${var.dir}/began; sleep 600" }
    ensure "shell" { cmd = "echo ensure >> ${var.dir}/order" }
  }
}
