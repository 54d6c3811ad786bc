job "task" {
  task "inside" {
    run "docker" {
      image = "busybox:1.36"
      cmd   = "echo \"in a container: $BUILD_JOB_NAME $PWD $WORKDIR\"; echo KEY=value >> $PIKOCI_OUTPUT; echo made > made; test ! -e /usr/bin/cargo"
    }
  }
  task "outside" {
    run "shell" { cmd = "cat made; echo \"$TASK_INSIDE_KEY\"" }
  }
  task "fails" {
    run "docker" {
      image = "busybox:1.36"
      cmd   = "exit 7"
    }
  }
}

job "absent" {
  task "image" {
    run "docker" {
      image       = "absent:1"
      cmd         = "true"
      pull_policy = "never"
    }
  }
}

job "long" {
  task "hold" {
    run "docker" {
      image = "busybox:1.36"
      cmd   = "echo began; trap '' TERM; while :; do sleep 1; done"
    }
  }
}

job "redis" {
  service "redis" {
    runtime = "docker"
    port    = "0"
  }
  task "use" {
    run "shell" { cmd = "redis-cli -h $SERVICE_REDIS_HOST -p $SERVICE_REDIS_PORT ping" }
  }
}

# Two services of one type are two containers.
job "two" {
  service "redis" "a" {
    runtime = "docker"
    port    = "0"
  }
  service "redis" "b" {
    runtime = "docker"
    port    = "0"
  }
  task "use" {
    run "shell" { cmd = "for PORT in $SERVICE_A_PORT $SERVICE_B_PORT; do redis-cli -h 127.0.0.1 -p $PORT ping; done" }
  }
}
