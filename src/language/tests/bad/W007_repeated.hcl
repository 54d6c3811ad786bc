job "a" {
  task "t" {
    run "exec" {
      path = "true"
    }
  }
  task "t" {
    run "exec" {
      path = "true"
    }
  }
}
