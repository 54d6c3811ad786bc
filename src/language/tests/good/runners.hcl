runner_type "docker" {
  run {
    path = "docker"
    args = [
      "run", "--rm",
      "-v", "$WORKDIR:/workdir",
      "-w", "/workdir",
      "$image",
      "/bin/sh", "-ec", "$cmd",
    ]
  }
}

runner_type "sandbox" { source = "pikoci://shell" }

job "build" {
  task "in-docker" {
    run "docker" {
      image = "golang:1.24"
      cmd   = "go test ./..."
      args  = ["-v", "/cache/go:/root/go"]
    }
  }
  task "on-host" {
    run "exec" {
      path = "cargo"
      args = ["test", 1, true, null]
      env  = { RUST_LOG = "debug", N = 3 }
    }
  }
  task "in-shell" {
    run "shell" {
      cmd = "echo hi"
    }
    inputs  = ["src", "./a/../b"]
    outputs = ["target"]
    env     = { A = "b" }
  }
  task "from-file" {
    run "sandbox" {
      file  = "ci/test.sh"
      limits = { cpu = 2, names = ["a", "b"], on = true }
    }
  }
}
