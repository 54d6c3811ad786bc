job "a" {
  task "t" {
    run "exec" {}
    inputs  = ["/etc/passwd", "a/../../b", ""]
    outputs = [".."]
  }
}
