job "never" {
  tags = ["gpu", "vax"]
  task "run" {
    run "shell" { cmd = "echo never" }
  }
  ensure "shell" { cmd = "echo never" }
}
