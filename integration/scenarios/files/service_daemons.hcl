# Starts that leave all kinds of processes behind; the stops do nothing about them.
variable "dir" {}

service_type "daemon" {
  start "shell" { cmd = "sleep 601 > /dev/null 2>&1 & echo forked" }
  stop "shell" { cmd = "echo stop daemon >> ${var.dir}/order" }
}

service_type "loud" {
  start "shell" { cmd = "{ sleep 602; } & echo left open" }
  stop "shell" { cmd = "echo stop loud >> ${var.dir}/order" }
}

service_type "session" {
  start "shell" { cmd = "setsid sh -c 'setsid sleep 603 & sleep 604' > /dev/null 2>&1 & echo session" }
  stop "shell" { cmd = "echo stop session >> ${var.dir}/order" }
}

service_type "stubborn" {
  start "shell" { cmd = "setsid sh -c 'trap \"\" TERM INT HUP; while :; do sleep 605; done' > /dev/null 2>&1 & echo stubborn" }
  stop "shell" { cmd = "echo stop stubborn >> ${var.dir}/order" }
}

job "use" {
  service "daemon" {}
  task "a" {
    run "shell" { cmd = "pgrep -f 'sleep 60[1]' > /dev/null; echo alive" }
  }
  service "loud" {}
  task "b" {
    run "shell" { cmd = "pgrep -f 'sleep 60[2]' > /dev/null; echo alive" }
  }
  service "session" {}
  task "c" {
    run "shell" { cmd = "pgrep -f 'sleep 60[3]' > /dev/null; echo alive" }
  }
  service "stubborn" {}
  task "d" {
    run "shell" { cmd = "pgrep -f 'sleep 60[5]' > /dev/null; echo alive" }
  }
}
