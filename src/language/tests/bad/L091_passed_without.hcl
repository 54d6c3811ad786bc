resource "git" "app" {
  params {
    url = "https://example.org/app.git"
  }
}


job "a" {
  task "t" {
    run "exec" {
      path = "true"
    }
  }
}
job "b" {
  get "git" "app" { passed = ["a"] }
}
