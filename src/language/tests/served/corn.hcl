resource_type "clock" { source = "pikoci://corn" }
