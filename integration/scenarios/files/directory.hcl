# Commands that do not run in the work directory itself.
variable "dir" {}

service_type "own" {
  start "shell" { cmd = "mkdir place" }
  ready_check "exec" {
    path     = "/bin/sh"
    args     = ["-ec", "[ \"$PWD\" = \"$WORKDIR/place\" ]"]
    dir      = "place"
    interval = "100ms"
    timeout  = "20s"
  }
  stop "exec" {
    path = "/bin/sh"
    args = ["-ec", "pwd | sed 's/.*\\///' > ${var.dir}/stopped"]
    dir  = "place"
  }
}

job "inside" {
  service "own" {}
  task "make" {
    run "shell" { cmd = "mkdir -p app/src; printf '#!/bin/sh\\necho the program of app\\n' > app/run; chmod +x app/run" }
  }
  task "use" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", "pwd | sed \"s,$WORKDIR,WORKDIR,\""]
      dir  = "app/src"
    }
    on_success "exec" {
      path = "./run"
      dir  = "app"
    }
  }
}

job "outside" {
  task "up" {
    run "exec" {
      path = "pwd"
      dir  = "app/../../other"
    }
  }
}

job "linked" {
  task "link" {
    run "shell" { cmd = "ln -s ${var.dir} out" }
  }
  task "follow" {
    run "exec" {
      path = "pwd"
      dir  = "out"
    }
  }
}
