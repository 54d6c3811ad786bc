resource_type "something" {
  params = ["a"]
  check "exec" {
    path = "/bin/sh"
    args = ["-ec", "echo '[]'"]
  }
  pull "exec" {
    path = "git"
    args = ["clone", "it's here"]
  }
}
