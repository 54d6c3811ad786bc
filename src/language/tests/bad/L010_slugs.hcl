variable "my-var" { default = "" }
resource_type "My Type" {
  params = ["a-b"]
}
resource "cron" "Every Minute" {
  tags = ["X86 64"]
}
job "Größe" {
  tags = ["!"]
  task "a/b" {
    run "exec" {}
  }
}
