# Hooks that hold steps, several of a kind, exports in hooks.
variable "dir" {}
variable "site_url" {}

resource "git" "site" {
  params {
    url = var.site_url
  }
  check_interval = "never"
}

job "good" {
  get "git" "site" {}
  task "work" {
    run "shell" { cmd = "echo WORD=hello >> $PIKOCI_OUTPUT" }
    on_success {
      task "first" {
        run "shell" { cmd = "echo \"first $TASK_WORK_WORD\"" }
      }
      task "second" {
        run "shell" { cmd = "echo second; echo page > site/page" }
      }
      put "git" "site" { message = "from a hook" }
    }
    ensure "exec" {
      path = "echo"
      args = ["a"]
    }
    ensure "exec" {
      path = "echo"
      args = ["b"]
    }
  }
}
