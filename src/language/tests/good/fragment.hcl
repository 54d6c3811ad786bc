#! fragment
job "test" {
  get "git" "app" { trigger = true }
  service "mystery" { version = "1" }
  task "t" {
    run "kubernetes" { image = "x" }
  }
  get "git" "lib" { passed = ["elsewhere"] }
}
