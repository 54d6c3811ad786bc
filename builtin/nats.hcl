# nats: a container of the official image, or the NATS server installed on the worker; with JetStream.
service_type "nats" {
  params = ["runtime", "version", "port", "image", "env", "data_tmpfs", "pull_policy"]

  defaults {
    runtime = "auto"
    version = "latest"
    port    = "4222"
  }

  start "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      exec "$PIKOCI_EXE" internal docker-start --image "nats:$param_version" --port 4222 --data /data -- -js -sd /data
    EOT
    ]
  }

  process "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      SERVER="$("$PIKOCI_EXE" internal host-check nats nats-server)"
      exec "$SERVER" -a 127.0.0.1 -p "$SERVICE_PORT" -js -sd "$SERVICE_DATA"
    EOT
    ]
  }

  ready_check "exec" {
    path     = "/bin/sh"
    args     = ["-ec", "exec \"$PIKOCI_EXE\" internal ready nats"]
    interval = "1s"
    timeout  = "60s"
  }

  stop "exec" {
    path = "/bin/sh"
    args = ["-ec", "[ \"$SERVICE_RUNTIME\" != docker ] || exec \"$PIKOCI_EXE\" internal docker-stop"]
  }
}
