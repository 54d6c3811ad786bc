# mariadb: a container of the official image, or the MariaDB installed on the worker.
service_type "mariadb" {
  params = ["runtime", "version", "port", "root_password", "database", "image", "env", "data_tmpfs", "pull_policy"]

  defaults {
    runtime       = "auto"
    version       = "11"
    port          = "3306"
    root_password = "root"
  }

  start "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      exec "$PIKOCI_EXE" internal docker-start --image "mariadb:$param_version" --port 3306 --data /var/lib/mysql \
        --env MYSQL_ROOT_PASSWORD=param_root_password --env MARIADB_ROOT_PASSWORD=param_root_password \
        --env MYSQL_DATABASE=param_database --env MARIADB_DATABASE=param_database
    EOT
    ]
  }

  process "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      SERVER="$("$PIKOCI_EXE" internal host-check mariadb 'mariadbd|mysqld')"
      INSTALL="$("$PIKOCI_EXE" internal host-check mariadb 'mariadb-install-db|mysql_install_db')"
      "$SERVER" --version

      HOME_DIR="$SERVICE_DATA/mariadb"
      mkdir "$HOME_DIR"
      cd "$HOME_DIR"
      ME="$(id -un)"
      # A server that starts deletes the temporary tables of every other one in the same directory.
      mkdir tmp
      export TMPDIR="$HOME_DIR/tmp"
      [ "$ME" != root ] || { ME=mysql; chown mysql . tmp; }
      "$INSTALL" --no-defaults --user="$ME" --datadir="$HOME_DIR/data" --auth-root-authentication-method=socket \
        --skip-test-db > install.log 2>&1 || { cat install.log >&2; exit 1; }

      # Read by the server at its start; no client is needed to set the password.
      text() { printf '%s' "$1" | sed "s/[\\\\']/\\\\&/g"; }
      name() { printf '%s' "$1" | sed 's/`/``/g'; }
      PASSWORD="$(text "$param_root_password")"
      (umask 077; {
        printf "ALTER USER root@localhost IDENTIFIED BY '%s';\n" "$PASSWORD"
        printf "CREATE USER root@'%%' IDENTIFIED BY '%s';\n" "$PASSWORD"
        printf "GRANT ALL PRIVILEGES ON *.* TO root@'%%' WITH GRANT OPTION;\n"
        [ -z "$param_database" ] || printf 'CREATE DATABASE `%s`;\n' "$(name "$param_database")"
      } > init.sql)
      [ "$(id -u)" != 0 ] || chown mysql init.sql
      exec "$SERVER" --no-defaults --user="$ME" --datadir="$HOME_DIR/data" --socket=server.sock \
        --bind-address=127.0.0.1 --port="$SERVICE_PORT" --pid-file=server.pid --skip-name-resolve \
        --innodb-flush-log-at-trx-commit=0 --init-file="$HOME_DIR/init.sql"
    EOT
    ]
  }

  ready_check "exec" {
    path     = "/bin/sh"
    args     = ["-ec", "exec \"$PIKOCI_EXE\" internal ready mysql"]
    interval = "2s"
    timeout  = "60s"
  }

  stop "exec" {
    path = "/bin/sh"
    args = ["-ec", "[ \"$SERVICE_RUNTIME\" != docker ] || exec \"$PIKOCI_EXE\" internal docker-stop"]
  }
}
