resource_type "a" { source = "http://SERVER/absent.hcl" }
resource_type "b" { source = "http://SERVER/jobs.hcl" }
resource_type "c" { source = "http://SERVER/broken.hcl" }
