resource_type "thing" {
  source = "pikoci://git"
  check "exec" {}
}
