# redis: a container of the official image, or the Redis installed on the worker.
service_type "redis" {
  params = ["runtime", "version", "port", "password", "image", "env", "data_tmpfs", "pull_policy"]

  defaults {
    runtime = "auto"
    version = "7"
    port    = "6379"
  }

  # The server reads its configuration from standard input, so that the password is no argument.
  start "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      set -- --image "redis:$param_version" --port 6379 --data /data
      [ -n "$param_password" ] || exec "$PIKOCI_EXE" internal docker-start "$@"
      exec "$PIKOCI_EXE" internal docker-start "$@" --env REDIS_PASSWORD=param_password -- sh -ec '
        QUOTED="$(printf "%s" "$REDIS_PASSWORD" | sed "s/[\\\\\"]/\\\\&/g")"
        printf "requirepass \"%s\"\n" "$QUOTED" > /tmp/redis.conf
        exec docker-entrypoint.sh redis-server - < /tmp/redis.conf'
    EOT
    ]
  }

  process "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      SERVER="$("$PIKOCI_EXE" internal host-check redis redis-server)"
      "$SERVER" --version

      cd "$SERVICE_DATA"
      QUOTED="$(printf '%s' "$param_password" | sed 's/[\\"]/\\&/g')"
      (umask 077; {
        printf 'port %s\nbind 127.0.0.1\ndir "%s"\nsave ""\n' "$SERVICE_PORT" "$SERVICE_DATA"
        [ -z "$param_password" ] || printf 'requirepass "%s"\n' "$QUOTED"
      } > redis.conf)
      exec "$SERVER" "$SERVICE_DATA/redis.conf"
    EOT
    ]
  }

  ready_check "exec" {
    path     = "/bin/sh"
    args     = ["-ec", "exec \"$PIKOCI_EXE\" internal ready redis"]
    interval = "1s"
    timeout  = "30s"
  }

  stop "exec" {
    path = "/bin/sh"
    args = ["-ec", "[ \"$SERVICE_RUNTIME\" != docker ] || exec \"$PIKOCI_EXE\" internal docker-stop"]
  }
}
