service_type "stubborn" {
  process "shell" { cmd = "trap '' TERM INT HUP; while :; do sleep 600; done" }
}

job "use" {
  service "stubborn" {}
  task "work" {
    run "shell" { cmd = "echo work" }
  }
}
