job "build" {
  task "t" {
    run "exec" {
      path = "true"
    }

job "next" {
  task "t" {}
}
