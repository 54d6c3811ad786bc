resource "git" "app" {
  params {
    url = "https://example.org/app.git"
  }
}


job "a" {
  get "git" "app" { passed = ["c"] }
}
job "b" {
  get "git" "app" { passed = ["a"] }
}
job "c" {
  get "git" "app" { passed = ["b"] }
}
job "d" {
  get "git" "app" { passed = ["d", "a"] }
}
