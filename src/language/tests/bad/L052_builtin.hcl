service_type "redis" {
  runner "docker" { image = "x" }
}
resource_type "files" {
  source = "pikoci://fs"
  runner "docker" { image = "x" }
}
resource_type "git" {
  runner "docker" { image = "alpine/git" }
}
job "a" {
  service "redis" {}
}
