variable "dir" {}

service_type "never" {
  process "exec" {
    path = "sleep"
    args = ["600"]
  }
  ready_check "shell" {
    cmd      = "echo not yet; exit 1"
    interval = "100ms"
    timeout  = "500ms"
  }
}

job "use" {
  service "never" {}
  task "never" {
    run "shell" { cmd = "echo never" }
  }
}
