# Builds of many jobs at once, each with a service: slots are shared, nothing is mixed up.
service_type "thing" {
  params = ["word"]
  start "shell" { cmd = "echo \"$param_word\" > word" }
  stop "shell" { cmd = "cat word" }
}

job "a" {
  service "thing" { word = "a" }
  task "say" {
    run "shell" { cmd = "cat word; echo \"$BUILD_NUMBER\"" }
  }
}

job "b" {
  service "thing" { word = "b" }
  task "say" {
    run "shell" { cmd = "cat word; echo \"$BUILD_NUMBER\"" }
  }
}

job "empty" {}
