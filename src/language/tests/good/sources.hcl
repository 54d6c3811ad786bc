service_type "postgres" {
  # source = "https://example.org/postgres.hcl"
  source = "http://SERVER/postgres.hcl"
  params = ["extra"]
  defaults {
    version = "15"
    extra   = "e"
  }
}

resource_type "thing" {
  source = "http://SERVER/things.hcl"
  sha256 = "d5eaa0e80d58eb43f4e972ef8087dbd3d495b43d79082190b046b5f701c506ee"
  cache  = true
  runner "docker" {
    image = "alpine/git:2.45"
    args  = ["--network", "none"]
  }
}

runner_type "podman" { source = "http://SERVER/runner.hcl" }

resource "thing" "one" {
  params { a = 1 }
}

job "test" {
  service "postgres" { extra = "x" }
  get "thing" "one" {}
  task "t" {
    run "podman" { cmd = "true" }
  }
}
