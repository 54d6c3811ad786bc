variable "dir" {}

job "first" {
  serial_groups = ["deploy"]
  task "wait" {
    run "shell" { cmd = "touch ${var.dir}/first; until [ -e ${var.dir}/go ]; do sleep 0.02; done; echo first >> ${var.dir}/order" }
  }
}

job "second" {
  serial_groups = ["deploy", "other"]
  task "run" {
    run "shell" { cmd = "echo second >> ${var.dir}/order" }
  }
}
