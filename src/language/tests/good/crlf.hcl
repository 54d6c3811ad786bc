job "a" {
  task "t" {
    run "shell" {
      cmd = <<-EOT
        one
        two
      EOT
    }
  }
}
