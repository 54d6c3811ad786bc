# What a step hands on to those after it.
variable "app_url" {}

resource "git" "app" {
  params {
    url = var.app_url
  }
  check_interval = "never"
}

job "hand-on" {
  get "git" "app" { trigger = true }
  task "make.it" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", <<-EOT
        {
          echo '# a comment'
          echo 'plain = a value '
          echo 'with-sign=x=y'
          echo 'twice=1'
          echo 'twice=2'
          echo
          echo 'no sign here'
          echo 'text<<END'
          echo 'line 1'
          echo 'line 2'
          echo 'END'
        } >> "$PIKOCI_OUTPUT"
      EOT
      ]
    }
  }
  task "use" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", <<-EOT
        echo "[$GET_APP_REF]"
        echo "[$TASK_MAKE_IT_PLAIN] [$TASK_MAKE_IT_WITH_SIGN] [$TASK_MAKE_IT_TWICE]"
        echo "[${TASK_MAKE_IT_TEXT}]"
      EOT
      ]
    }
  }
}

job "too-much" {
  task "big" {
    run "shell" { cmd = "head -c 1100000 /dev/zero | tr '\\0' x > $PIKOCI_OUTPUT" }
  }
}

job "removed" {
  task "tidy" {
    run "shell" { cmd = "rm $PIKOCI_OUTPUT" }
  }
}

job "zero" {
  task "odd" {
    run "shell" { cmd = "printf 'key=ab\\0c\\n' > $PIKOCI_OUTPUT" }
  }
  task "use" {
    run "shell" { cmd = "true" }
  }
}
