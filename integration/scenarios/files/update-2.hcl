variable "dir" {}

job "work" {
  task "other" {
    run "shell" { cmd = "echo new" }
  }
}
