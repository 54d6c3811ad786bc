resource "git" {}
variable {}
job "a" "b" {
  get "git" {}
  task {}
  service "a" "b" "c" {}
  ensure "exec" "twice" {}
}
