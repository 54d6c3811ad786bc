job "loud" {
  task "much" {
    run "shell" { cmd = "seq 1 100000; echo KEY=value >> $PIKOCI_OUTPUT" }
  }
  task "next" {
    run "shell" { cmd = "echo \"$TASK_MUCH_KEY\"" }
  }
}
