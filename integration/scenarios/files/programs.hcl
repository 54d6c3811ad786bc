job "absent" {
  task "run" {
    run "exec" {
      path = "no-such-program"
      args = ["x"]
    }
  }
}

job "nothing" {
  task "run" {
    run "exec" {}
  }
}

job "signal" {
  task "run" {
    run "shell" { cmd = "kill -SEGV $$" }
  }
}

job "no-access" {
  task "run" {
    run "shell" { cmd = "echo text > file; chmod 600 file" }
  }
  task "file" {
    run "exec" { path = "./file" }
  }
}

job "arguments" {
  task "run" {
    run "exec" {
      path = "printf"
      args = ["[%s]", "a b", "", "$HOME", "${BUILD_JOB_NAME}", "'\"", "\n"]
    }
  }
}
