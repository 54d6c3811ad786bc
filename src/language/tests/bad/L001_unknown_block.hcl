resorce "git" "app" {}

job "build" {
  taks "t" {}
  across "x" {}
  passed {}
  try {}
  set_pipeline "x" {}
  load_var "x" {}
  task "t" {
    run "exec" {
      path = "true"
      volumes {}
    }
  }
}

locals {}
dynamic "x" {}
