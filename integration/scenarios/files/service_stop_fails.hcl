variable "dir" {}

service_type "sticky" {
  process "exec" {
    path = "sleep"
    args = ["600"]
  }
  stop "shell" { cmd = "echo try >> ${var.dir}/tries; exit 1" }
}

service_type "second" {
  start "shell" { cmd = "true" }
  stop "shell" { cmd = "echo try >> ${var.dir}/second; [ $(wc -l < ${var.dir}/second) -ge 2 ]" }
}

job "use" {
  service "sticky" {}
  service "second" {}
  task "work" {
    run "shell" { cmd = "echo work" }
  }
}
