runner_type "ssh" {
  run {
    path = "ssh"
    args = ["$host", "$cmd"]
  }
}
job "a" {
  task "t" {
    run "ssh" {
      host = "h"
      cmd  = "c"
      args = ["-v"]
    }
  }
}
