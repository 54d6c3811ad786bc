resource_type "thing" {
  source = "https://example.org/thing.hcl"
}
