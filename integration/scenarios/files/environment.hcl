# What a task is told, and what it is not.
variable "dir" {}

job "look-round" {
  task "show" {
    env = {
      OWN = "mine"
    }
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", <<-EOT
        env | grep -E '^(BUILD_(PIPELINE_NAME|JOB_NAME|TEAM_NAME|NUMBER|CAUSE|RUN|SLOT)|CI|PIKOCI|OWN|MORE|INNER)=' | sort
        [ "$PWD" = "$WORKDIR" ]
        [ -z "$(ls -A | grep -v '^\.pikoci$')" ]
        [ "$(stat -c %a .)" = 700 ]
        cat; echo "end of input"
        env | grep -c -E '^(ADMIN_PASSWORD|PIKOCI_SECRET_KEY|JWT_SECRET|DB_PASSWORD)=' || true
        ls /proc/self/fd | wc -l
      EOT
      ]
      env = {
        INNER = "${BUILD_JOB_NAME} stays as it is"
      }
    }
  }
}
