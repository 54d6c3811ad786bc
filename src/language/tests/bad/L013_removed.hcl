secret "vault" {
  path = "x"
}

job "build" {
  task "t" {
    secrets = { vault = "x" }
    run "exec" {}
  }
}
