job "a" {
  task "none" {}
  task "two" {
    run "exec" {}
    run "exec" {}
  }
}
