variable "dir" {}

service_type "a" {
  start "shell" { cmd = "echo start a >> ${var.dir}/order" }
  stop "shell" { cmd = "until [ -e ${var.dir}/b-stopping ]; do sleep 0.02; done; echo stop group >> ${var.dir}/order" }
}

service_type "b" {
  start "shell" { cmd = "echo start b >> ${var.dir}/order" }
  stop "shell" { cmd = "touch ${var.dir}/b-stopping" }
}

service_type "c" {
  start "shell" { cmd = "echo start c >> ${var.dir}/order" }
  stop "shell" { cmd = "sleep 0.3; echo stop c >> ${var.dir}/order; test ! -e ${var.dir}/b-stopping" }
}

job "use" {
  service "a" {}
  service "b" {}
  task "between" {
    run "shell" { cmd = "echo between >> ${var.dir}/order" }
  }
  service "c" {}
}
