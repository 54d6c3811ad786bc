resource_type "clock" {
  source = "pikoci://cron"
  params = ["zone"]
  cache  = true
  defaults {
    zone = "UTC"
    form = "long"
  }
  runner "docker" { image = "alpine" }
}

secret_type "ci" {
  source = "pikoci://env"
  prefix = "CI_"
}

runner_type "box" { source = "pikoci://docker" }
