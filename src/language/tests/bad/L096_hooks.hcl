resource "git" "app" {
  params {
    url = "https://example.org/app.git"
  }
}


job "a" {
  on_failure {
    get "git" "app" {}
    service "x" {}
    in_parallel {}
    if "x" {}
    ensure {}
    put "git" "app" {
      on_failure "exec" {}
    }
    task "t" {
      run "exec" {}
      ensure {}
    }
  }
}
