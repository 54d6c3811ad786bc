resource_type "thing" { source = "http://SERVER/nested.hcl" }
