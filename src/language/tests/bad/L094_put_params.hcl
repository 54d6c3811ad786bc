resource "git" "app" {
  params {
    url = "https://example.org/app.git"
  }
}


job "a" {
  put "git" "app" {
    params {
      branch = "x"
    }
    branch = "y"
  }
}
