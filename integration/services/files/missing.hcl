# No engine, no program: what a user is told.
job "auto" {
  service "vault" {
    port = "0"
  }
  task "use" {
    run "shell" { cmd = "echo never" }
  }
}

job "containers-only" {
  service "vault" {
    runtime = "host"
    port    = "0"
    image   = "vault:special"
  }
}

job "undeclared" {
  service "vault" {
    runtime = "hosst"
  }
}
