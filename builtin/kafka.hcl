# kafka: one node without ZooKeeper: a container of the official image, or the jars in `home`, else in KAFKA_HOME
# (the folder with the jars, or the one above its `libs`) with the worker's Java.
service_type "kafka" {
  params = ["runtime", "version", "port", "image", "env", "data_tmpfs", "pull_policy", "home"]

  defaults {
    runtime = "auto"
    version = "latest"
    port    = "9092"
  }

  # Clients are told to come back to the published port.
  start "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      exec "$PIKOCI_EXE" internal docker-start --image "apache/kafka:$param_version" --port 9092 --data /var/lib/kafka/data \
        --set KAFKA_NODE_ID=1 --set KAFKA_PROCESS_ROLES=broker,controller \
        --set KAFKA_LISTENERS=PLAINTEXT://0.0.0.0:9092,CONTROLLER://localhost:9093 \
        --set "KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://localhost:$SERVICE_PORT" \
        --set KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT \
        --set KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER --set KAFKA_CONTROLLER_QUORUM_VOTERS=1@localhost:9093 \
        --set KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1 --set KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR=1 \
        --set KAFKA_TRANSACTION_STATE_LOG_MIN_ISR=1 --set KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0
    EOT
    ]
  }

  process "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      JAVA="$("$PIKOCI_EXE" internal host-check kafka java)"
      JARS="${param_home:-$KAFKA_HOME}"
      [ -n "$JARS" ] || { echo 'service kafka: KAFKA_HOME is not set on this worker; it, or `home`, names the folder with the jars' >&2; exit 1; }
      [ ! -d "$JARS/libs" ] || JARS="$JARS/libs"
      ls "$JARS"/kafka_*.jar > /dev/null 2>&1 || { echo "service kafka: no kafka_*.jar in $JARS" >&2; exit 1; }

      cd "$SERVICE_DATA"
      CONTROLLER_PORT="$("$PIKOCI_EXE" internal free-port)"
      cat > server.properties <<END
      process.roles=broker,controller
      node.id=1
      controller.quorum.voters=1@127.0.0.1:$CONTROLLER_PORT
      listeners=PLAINTEXT://127.0.0.1:$SERVICE_PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
      advertised.listeners=PLAINTEXT://127.0.0.1:$SERVICE_PORT
      controller.listener.names=CONTROLLER
      listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
      log.dirs=$SERVICE_DATA/data
      offsets.topic.replication.factor=1
      offsets.topic.num.partitions=1
      transaction.state.log.replication.factor=1
      transaction.state.log.min.isr=1
      group.initial.rebalance.delay.ms=0
      num.partitions=1
      END
      set -- "$JAVA" -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$JARS/*"
      "$@" kafka.tools.StorageTool format -t "$("$@" kafka.tools.StorageTool random-uuid)" -c server.properties > format.log 2>&1 ||
        { cat format.log >&2; exit 1; }
      exec "$@" kafka.Kafka server.properties
    EOT
    ]
  }

  ready_check "exec" {
    path     = "/bin/sh"
    args     = ["-ec", "exec \"$PIKOCI_EXE\" internal ready kafka"]
    interval = "3s"
    timeout  = "60s"
  }

  stop "exec" {
    path = "/bin/sh"
    args = ["-ec", "[ \"$SERVICE_RUNTIME\" != docker ] || exec \"$PIKOCI_EXE\" internal docker-stop"]
  }
}
