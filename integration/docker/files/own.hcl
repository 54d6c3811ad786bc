variable "dir" {}

# Services that somebody declared with the docker runner.
service_type "left" {
  start "docker" {
    image = "busybox:1.36"
    args  = ["--detach"]
    init  = true
    cmd   = "sleep 1000"
  }
  stop "docker" {
    image   = "busybox:1.36"
    volumes = ["${var.dir}:/signs"]
    cmd     = "echo stopping; touch /signs/stopped"
  }
}

service_type "watched" {
  process "docker" {
    image = "busybox:1.36"
    init  = true
    cmd   = "echo began; sleep 1000"
  }
  ready_check "docker" {
    image   = "busybox:1.36"
    cmd     = "true"
    timeout = "60s"
  }
}

job "both" {
  service "left" {}
  service "watched" {}
  task "use" {
    run "shell" { cmd = "echo in use; until [ -e ${var.dir}/go ]; do sleep 0.05; done" }
  }
}

service_type "silent" {
  process "docker" {
    image = "busybox:1.36"
    init  = true
    cmd   = "sleep 1000"
  }
}

job "slow" {
  service "silent" {}
  task "hold" {
    run "exec" {
      path = "sleep"
      args = ["1000"]
    }
  }
}
