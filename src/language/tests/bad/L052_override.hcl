resource_type "t" {
  check "shell" { cmd = "x" }
  runner "docker" { image = "x" }
}
