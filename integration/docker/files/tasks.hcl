variable "dir" {}

# What a pipeline declares for itself, as others write it.
runner_type "mine" {
  run {
    path = "docker"
    args = ["run", "--rm", "-v", "$WORKDIR:/workdir", "-w", "/workdir", "$env", "$args", "$image", "/bin/sh", "-ec", "$cmd"]
  }
}

job "good" {
  task "inside" {
    env = { WORD = "one" }
    run "docker" {
      image = "busybox:1.36"
      args  = ["-e", "MORE=argument"]
      env   = { OTHER = "two" }
      dir   = "sub"
      cmd   = "echo $WORD $OTHER; echo $PWD $WORKDIR \"$${PIKOCI_OUTPUT%output*}\"; echo KEY=value >> $PIKOCI_OUTPUT; touch ../made; echo $MORE"
    }
  }
  task "outside" {
    run "shell" { cmd = "[ -e made ]; echo \"made inside, KEY is $TASK_INSIDE_KEY\"" }
  }
  task "declared" {
    env = { A = "b" }
    run "mine" {
      image = "busybox:1.36"
      cmd   = "echo declared $A $WORKDIR"
    }
  }
}

job "bad" {
  task "fails" {
    run "docker" {
      image = "busybox:1.36"
      cmd   = "exit 7"
    }
  }
}

job "absent" {
  task "nowhere" {
    run "docker" {
      image       = "no.such.registry.invalid/team/nothing:1"
      pull_policy = "never"
      cmd         = "true"
    }
  }
}

job "wrong" {
  task "flag" {
    run "docker" {
      image = "busybox:1.36"
      args  = ["--no-such-flag"]
      cmd   = "true"
    }
  }
}

job "long" {
  task "hold" {
    run "docker" {
      image = "busybox:1.36"
      cmd   = "echo began; while :; do sleep 1; done"
      init  = true
    }
  }
}

job "slow" {
  task "endless" {
    timeout = "1s"
    run "docker" {
      image = "busybox:1.36"
      init  = true
      cmd   = "sleep 1000"
    }
  }
}
