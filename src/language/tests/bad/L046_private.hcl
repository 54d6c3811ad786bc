#! https-only
resource_type "a" { source = "https://127.0.0.1/a.hcl" }
