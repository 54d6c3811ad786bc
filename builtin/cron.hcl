# cron: every check is a new version; the rhythm is the resource's `check_interval`.
resource_type "cron" {
  check "exec" {
    path = "/bin/sh"
    args = ["-ec", "date -u '+[{\"date\":\"%Y-%m-%dT%H:%M:%SZ\"}]'"]
  }

  pull "exec" {
    path = "/bin/sh"
    args = ["-ec", "echo \"$version_date\""]
  }
}
