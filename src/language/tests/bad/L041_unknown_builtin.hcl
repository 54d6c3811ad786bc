resource_type "a" { source = "pikoci://gitt" }
secret_type "b" { source = "pikoci://git" }
runner_type "c" { source = "pikoci://dokcer" }
