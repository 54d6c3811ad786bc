runner_type "r" {}
runner_type "s" {
  run {
    args = ["x"]
  }
}
secret_type "t" {}
variable "v" {
  secret "t" {
    key = "k"
  }
}
job "build" {
  task "t" {
    run "shell" {}
  }
}
