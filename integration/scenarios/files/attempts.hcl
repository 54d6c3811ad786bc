job "second" {
  task "flaky" {
    attempts = 3
    run "shell" { cmd = "n=$(cat n 2>/dev/null || echo 0); n=$((n+1)); echo $n > n; echo \"try $n\"; [ $n -ge 2 ]" }
    on_success "exec" {
      path = "echo"
      args = ["well"]
    }
    on_failure "exec" {
      path = "echo"
      args = ["never"]
    }
  }
}

job "never" {
  task "broken" {
    attempts = 2
    run "shell" { cmd = "echo trying; exit 7" }
    on_failure "exec" {
      path = "echo"
      args = ["once, after the last"]
    }
  }
  task "later" {
    run "shell" { cmd = "echo not reached" }
  }
}
