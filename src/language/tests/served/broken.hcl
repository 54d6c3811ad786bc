resource_type "thing" {
