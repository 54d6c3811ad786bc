service_type "a" {
  start "exec" {}
}
service_type "b" {
  stop "exec" {}
}
service_type "c" {
  start "exec" {}
  process "exec" {}
  stop "exec" {}
}
service_type "d" {}
job "build" {
  service "a" {}
}
