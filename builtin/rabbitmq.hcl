# rabbitmq: a container of the official image, or the RabbitMQ installed on the worker.
service_type "rabbitmq" {
  params = ["runtime", "version", "port", "image", "env", "data_tmpfs", "pull_policy"]

  defaults {
    runtime = "auto"
    version = "4"
    port    = "5672"
  }

  # The name of the node is part of its data.
  start "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      exec "$PIKOCI_EXE" internal docker-start --image "rabbitmq:$param_version" --port 5672 --data /var/lib/rabbitmq \
        --set RABBITMQ_NODENAME=rabbit@localhost
    EOT
    ]
  }

  # Each instance has its own port mapper, which leaves itself behind when the broker ends: it is
  # ended with the instance, and a port mapper of other nodes is left alone.
  process "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      SERVER="$("$PIKOCI_EXE" internal host-check rabbitmq rabbitmq-server)"
      # Packages put a wrapper on the PATH that changes the user by itself.
      [ ! -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || SERVER=/usr/lib/rabbitmq/bin/rabbitmq-server

      HOME_DIR="$SERVICE_DATA/rabbitmq"
      mkdir "$HOME_DIR"
      cd "$HOME_DIR"
      printf 'listeners.tcp.1 = 127.0.0.1:%s\nloopback_users = none\nlog.connection.level = warning\n' "$SERVICE_PORT" > rabbitmq.conf
      : > enabled_plugins
      [ "$(id -u)" != 0 ] || chown -R rabbitmq "$HOME_DIR"
      export HOME="$HOME_DIR" RABBITMQ_NODENAME=rabbit@localhost
      export RABBITMQ_MNESIA_BASE="$HOME_DIR/mnesia" RABBITMQ_LOG_BASE="$HOME_DIR/log" RABBITMQ_LOGS=-
      export RABBITMQ_CONFIG_FILE="$HOME_DIR/rabbitmq" RABBITMQ_ENABLED_PLUGINS_FILE="$HOME_DIR/enabled_plugins"
      export RABBITMQ_PID_FILE="$HOME_DIR/pid"
      ERL_EPMD_PORT="$("$PIKOCI_EXE" internal free-port)"
      RABBITMQ_DIST_PORT="$("$PIKOCI_EXE" internal free-port)"
      export ERL_EPMD_PORT RABBITMQ_DIST_PORT
      exec "$PIKOCI_EXE" internal run-as rabbitmq -- "$SERVER"
    EOT
    ]
  }

  ready_check "exec" {
    path     = "/bin/sh"
    args     = ["-ec", "exec \"$PIKOCI_EXE\" internal ready rabbitmq"]
    interval = "3s"
    timeout  = "60s"
  }

  stop "exec" {
    path = "/bin/sh"
    args = ["-ec", "[ \"$SERVICE_RUNTIME\" != docker ] || exec \"$PIKOCI_EXE\" internal docker-stop"]
  }
}
