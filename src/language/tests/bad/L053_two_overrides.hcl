resource_type "t" {
  check "exec" {}
  runner "docker" { image = "x" }
  runner "docker" { image = "y" }
}
