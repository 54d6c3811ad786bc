resource_type "git" {
  source = "pikoci://git"
  sha256 = "00"
}
