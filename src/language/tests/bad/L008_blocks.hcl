resource_type "t" {
  check "exec" {}
  check "exec" {}
}

resource "t" "r" {
  params {}
  params = {}
}

job "build" {
  task "t" {
    run "shell" {
      cmd  = "x"
      file = "y"
    }
  }
}
