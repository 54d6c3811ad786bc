# A careless task hands a secret on to those after it.
variable "token" {
  secret "env" {
    key = "TOKEN"
  }
}

job "hand-on" {
  task "tell" {
    env = {
      TOKEN = var.token
    }
    run "shell" {
      cmd = "echo \"key=[$TOKEN]\" >> $PIKOCI_OUTPUT; echo \"encoded=$(printf %s \"$TOKEN\" | base64)\" >> $PIKOCI_OUTPUT"
    }
    on_success "shell" { cmd = "printf %s \"$TASK_TELL_KEY\" | wc -c" }
  }
  task "use" {
    run "shell" { cmd = "printf %s \"$TASK_TELL_KEY\" | wc -c; echo \"$TASK_TELL_ENCODED\" | base64 -d | wc -c; echo $TASK_TELL_KEY" }
  }
  ensure "shell" { cmd = "printf %s \"$TASK_TELL_ENCODED\" | base64 -d | wc -c" }
}

job "quote" {
  service "redis" {
    runtime = "docker"
    port    = var.token
  }
  task "never" {
    run "shell" { cmd = "true" }
  }
}
