resource_type "clock" { source = "http://SERVER/corn.hcl" }
