resource "git" "app" {
  params {
    url = "https://example.org/app.git"
  }
}


resource_type "store" {
  params = ["dir"]
  check "exec" {}
  push "exec" {}
}

resource "store" "out" {
  params         = { dir = "/tmp", other = null }
  check_interval = "never"
  tags           = ["arm64"]
  cache          = true
  icon           = "box"
  description    = "where it goes"
}

job "build" {
  description    = "builds"
  public         = true
  tags           = ["linux", "x86_64"]
  concurrency    = 2
  serial_groups  = ["deploy"]
  timeout        = "1h30m"
  disable_retry  = true
  allow_failure  = true
  interruptible  = true
  on_worker_loss = "fail"

  get "git" "app" {
    trigger  = true
    version  = "latest"
    timeout  = "1m"
    attempts = 0
  }
  task "unit.fast" {
    timeout  = "0"
    attempts = 3
    run "exec" { path = "true" }
    on_failure "exec" {
      path = "echo"
      args = ["failed"]
    }
    on_failure "exec" { path = "again" }
    ensure {
      task "clean" {
        run "exec" { path = "rm" }
      }
      put "store" "out" {
        skip_get = true
        what     = "log"
      }
    }
  }
  put "store" "out" {
    params {
      dir = "out"
    }
    level = 3
    on_cancel "shell" { cmd = "true" }
  }
  on_success "exec" { path = "echo" }
  on_failure {
    task "tell" {
      run "shell" { cmd = "echo broken" }
    }
  }
}

job "deploy--eu" {
  get "git" "app" {
    passed  = ["build"]
    trigger = true
  }
  get "store" "out" {
    passed  = ["build"]
    version = "every"
  }
  task "go" {
    run "exec" {}
  }
}
