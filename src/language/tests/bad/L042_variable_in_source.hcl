resource_type "thing" { source = "http://SERVER/variables.hcl" }
