# Every built-in service as a process of this machine, used as a client would.
job "postgresql" {
  service "postgresql" "db" {
    runtime  = "host"
    port     = "0"
    user     = "ci"
    password = "pg secret"
    database = "app"
  }
  task "use" {
    run "exec" {
      path = "/bin/bash"
      args = ["-ec", <<-EOT
        export PGPASSWORD='pg secret'
        psql -h "$SERVICE_DB_HOST" -p "$SERVICE_DB_PORT" -U ci -d app -At -c 'select 40 + 2'
        PGPASSWORD=wrong psql -h "$SERVICE_DB_HOST" -p "$SERVICE_DB_PORT" -U ci -d app -c 'select 1' > /dev/null 2>&1 || echo refused
      EOT
      ]
    }
  }
}

job "mariadb" {
  service "mariadb" {
    runtime       = "host"
    port          = "0"
    root_password = "my secret"
    database      = "app"
  }
  task "use" {
    run "exec" {
      path = "/bin/bash"
      args = ["-ec", <<-EOT
        export MYSQL_PWD='my secret'
        mariadb --no-defaults --protocol=tcp -h "$SERVICE_MARIADB_HOST" -P "$SERVICE_MARIADB_PORT" -u root -N -e 'select 40 + 2, @@tmpdir like "%/mariadb/tmp"' app
      EOT
      ]
    }
  }
}

job "mysql" {
  service "mysql" {
    runtime = "host"
    port    = "0"
  }
  task "use" {
    run "exec" {
      path = "/bin/bash"
      args = ["-ec", "MYSQL_PWD=root mariadb --no-defaults --protocol=tcp -h \"$SERVICE_MYSQL_HOST\" -P \"$SERVICE_MYSQL_PORT\" -u root -N -e 'select 40 + 2, @@tmpdir like \"%/mysql/tmp\"'"]
    }
  }
}

job "redis" {
  service "redis" "open" {
    runtime = "host"
    port    = "0"
  }
  service "redis" "closed" {
    runtime  = "host"
    port     = "0"
    password = "a \"quoted\" word"
  }
  task "use" {
    run "exec" {
      path = "/bin/bash"
      args = ["-ec", <<-EOT
        redis-cli -h "$SERVICE_OPEN_HOST" -p "$SERVICE_OPEN_PORT" ping
        REDISCLI_AUTH='a "quoted" word' redis-cli -h "$SERVICE_CLOSED_HOST" -p "$SERVICE_CLOSED_PORT" ping
        redis-cli -h "$SERVICE_CLOSED_HOST" -p "$SERVICE_CLOSED_PORT" ping
      EOT
      ]
    }
  }
}

job "nats" {
  service "nats" {
    runtime = "host"
    port    = "0"
  }
  task "use" {
    run "exec" {
      path = "/bin/bash"
      args = ["-ec", "exec 3<> /dev/tcp/$SERVICE_NATS_HOST/$SERVICE_NATS_PORT; head -n 1 <&3 | grep -o '^INFO'; printf 'PING\\r\\n' >&3; head -n 1 <&3 | tr -d '\\r'"]
    }
  }
}

job "rabbitmq" {
  service "rabbitmq" {
    runtime = "host"
    port    = "0"
  }
  task "use" {
    run "exec" {
      path = "/bin/bash"
      args = ["-ec", "exec 3<> /dev/tcp/$SERVICE_RABBITMQ_HOST/$SERVICE_RABBITMQ_PORT; printf 'AMQP\\0\\0\\x09\\x01' >&3; head -c 11 <&3 | tail -c 4 | od -An -tx1"]
    }
  }
}

job "kafka" {
  service "kafka" {
    runtime = "host"
    port    = "0"
  }
  task "use" {
    run "exec" {
      path = "/bin/bash"
      args = ["-ec", "exec 3<> /dev/tcp/$SERVICE_KAFKA_HOST/$SERVICE_KAFKA_PORT; printf '\\0\\0\\0\\x12\\0\\x12\\0\\0\\0\\0\\0\\x07\\0\\x08pikoci-1' >&3; head -c 8 <&3 | od -An -tx1 | cut -c 13-24"]
    }
  }
}

job "vault" {
  service "vault" {
    runtime    = "host"
    port       = "0"
    root_token = "t0ken"
  }
  task "use" {
    run "exec" {
      path = "/bin/bash"
      args = ["-ec", "exec 3<> /dev/tcp/$SERVICE_VAULT_HOST/$SERVICE_VAULT_PORT; printf 'GET /v1/sys/seal-status HTTP/1.0\\r\\n\\r\\n' >&3; grep -o '\"initialized\": *true' <&3"]
    }
  }
}
