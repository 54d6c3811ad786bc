#! https-only
resource_type "a" { source = "http://example.org/a.hcl" }
resource_type "b" { source = "file:///etc/passwd" }
resource_type "c" { source = "git" }
