job "input" {
  task "make" {
    run "shell" { cmd = "mkdir -p out/deep; echo x > out/deep/file" }
    outputs = ["out", "out/deep/file"]
  }
  task "use" {
    inputs = ["out/deep/file"]
    run "shell" { cmd = "cat out/deep/file" }
  }
  task "lack" {
    inputs = ["out/deep/other"]
    run "shell" { cmd = "echo never" }
  }
}

job "output" {
  task "forget" {
    run "shell" { cmd = "echo done" }
    outputs = ["result"]
  }
}
