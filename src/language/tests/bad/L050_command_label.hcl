resource_type "t" {
  check {
    path = "x"
  }
}
service_type "s" {
  start "exec" {}
  stop {}
  ready_check {}
}
job "build" {
  task "t" {
    run { path = "x" }
  }
}
