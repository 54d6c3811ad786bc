runner_type "podman" {
  run {
    path = "podman"
    args = ["run", "$args", "$image", "sh", "-c", "$cmd"]
  }
}
