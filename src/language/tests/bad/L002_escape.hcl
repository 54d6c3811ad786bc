job "build" {
  task "t" {
    run "exec" {
      path = "\$HOME/bin"
      args = ["\d"]
    }
  }
}
