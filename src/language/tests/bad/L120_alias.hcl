service_type "own" {
  params = ["alias"]
  process "exec" { path = "serve" }
}

job "build" {
  service "postgres" { alias = "db" }
  service "own" { alias = "db" }
}
