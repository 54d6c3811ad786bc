runner "r" {
  run { path = "x" }
}
service "s" {
  process "exec" { path = "s" }
}
job "a" {
  service "s" {}
  task "t" {
    run "r" {}
  }
}
