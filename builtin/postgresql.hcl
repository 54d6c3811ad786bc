# postgresql: a container of the official image, or the PostgreSQL installed on the worker.
service_type "postgresql" {
  suffix = "pg"
  params = ["runtime", "version", "port", "user", "password", "database", "image", "env", "data_tmpfs", "pull_policy"]

  defaults {
    runtime  = "auto"
    version  = "17"
    port     = "5432"
    user     = "postgres"
    password = "postgres"
  }

  start "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      case "$param_version" in
        1[0-7]* | 9*) DATA=/var/lib/postgresql/data ;;
        *) DATA=/var/lib/postgresql ;;
      esac
      exec "$PIKOCI_EXE" internal docker-start --image "postgres:$param_version" --port 5432 --data "$DATA" \
        --env POSTGRES_USER=param_user --env POSTGRES_PASSWORD=param_password --env POSTGRES_DB=param_database
    EOT
    ]
  }

  # PostgreSQL refuses to run as root: then it runs as the user `postgres`.
  process "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      as_postgres() { "$PIKOCI_EXE" internal run-as postgres -- "$@"; }
      POSTGRES="$("$PIKOCI_EXE" internal host-check postgresql postgres)"
      BIN="$(dirname "$(readlink -f "$POSTGRES")")"
      "$BIN/postgres" --version

      HOME_DIR="$SERVICE_DATA/postgresql"
      mkdir "$HOME_DIR"
      (umask 077; printf '%s\n' "$param_password" > "$HOME_DIR/password")
      [ "$(id -u)" != 0 ] || chown -R postgres "$HOME_DIR"
      cd "$HOME_DIR"
      as_postgres "$BIN/initdb" -D data -U "$param_user" -A scram-sha-256 --pwfile=password \
        -E UTF8 --locale=C.UTF-8 --no-sync > initdb.log 2>&1 || { cat initdb.log >&2; exit 1; }
      rm password
      DATABASE="${param_database:-$param_user}"
      if [ "$DATABASE" != postgres ]; then
        NAME="$(printf '%s' "$DATABASE" | sed 's/"/""/g')"
        printf 'CREATE DATABASE "%s"\n' "$NAME" | as_postgres "$BIN/postgres" --single -F -D data postgres > /dev/null
      fi

      # TERM would wait for clients; INT ends their connections. The signal goes to our own child,
      # which is not reaped before `wait`, so it cannot be anybody else.
      "$PIKOCI_EXE" internal run-as postgres -- "$BIN/postgres" -F -D data -p "$SERVICE_PORT" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= &
      SERVER=$! STOPPING= CODE=0
      trap 'STOPPING=1; kill -INT "$SERVER" || true' TERM INT
      wait "$SERVER" || CODE=$?
      [ -z "$STOPPING" ] || { CODE=0; wait "$SERVER" || CODE=$?; }
      exit "$CODE"
    EOT
    ]
  }

  ready_check "exec" {
    path     = "/bin/sh"
    args     = ["-ec", "exec \"$PIKOCI_EXE\" internal ready postgresql"]
    interval = "2s"
    timeout  = "60s"
  }

  stop "exec" {
    path = "/bin/sh"
    args = ["-ec", "[ \"$SERVICE_RUNTIME\" != docker ] || exec \"$PIKOCI_EXE\" internal docker-stop"]
  }
}
