variable "dir" {}

job "step" {
  task "slow" {
    timeout = "300ms"
    run "shell" { cmd = "echo begun; sleep 600" }
    on_failure "shell" { cmd = "echo \"failed: $BUILD_REASON\"" }
    on_cancel "shell" { cmd = "echo never" }
    ensure "shell" { cmd = "echo always" }
  }
}

job "whole" {
  timeout = "500ms"
  task "slow" {
    run "shell" { cmd = "sleep 600" }
  }
  task "later" {
    run "shell" { cmd = "echo never" }
  }
  on_failure "shell" { cmd = "echo never" }
  on_cancel "shell" { cmd = "echo \"$BUILD_STATUS by $BUILD_REASON\"" }
  ensure "shell" { cmd = "echo always" }
}

job "again" {
  task "slow" {
    timeout  = "200ms"
    attempts = 2
    run "shell" { cmd = "echo once more; sleep 600" }
  }
}
