job "build" {
  get "git" "app" { trigger = true passed = ["x"] }
  get "git" "lib" { trigger = true, passed = ["x"] }
  ensure { put "git" "app" {} }
  task "t" { timeout = "1m" run "exec" {} }
}
