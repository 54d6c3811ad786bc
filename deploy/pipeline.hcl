# PikoCI's own pipeline. One job of it here, without a server:
#
#   pikoci run --pipeline-config deploy/pipeline.hcl --job test-backends
#
# On a server, with `repository` set to where it is fetched from:
#
#   pikoci client pipelines create -pn pikoci --config deploy/pipeline.hcl --var repository=https://…
#
# Its jobs need a Rust toolchain and root or sudo for what integration/packages installs; `redeploy` needs the units of
# deploy/systemd.

variable "repository" { default = ".." }

# The directory whose tests are run, built already perhaps; without it the commit that was fetched.
variable "tree" { default = "" }

# Where releases are kept.
variable "releases" { default = "/var/lib/pikoci-releases" }

resource "git" "pikoci" {
  params {
    url  = var.repository
    name = "pikoci"
  }
  check_interval = "@every 1m"
}

# A script in the directory that is built and tested.
runner_type "tree" {
  run {
    path = "/bin/bash"
    args = ["-euo", "pipefail", "-c", "cd '${var.tree == "" ? "pikoci" : var.tree}'\n$cmd"]
  }
}

job "lint" {
  description   = "formatting and lints"
  serial_groups = ["cores"]
  get "git" "pikoci" { trigger = true }
  task "packages" {
    run "tree" { cmd = "integration/packages" }
  }
  task "format" {
    run "tree" { cmd = "cargo fmt --all --check" }
  }
  task "clippy" {
    run "tree" { cmd = "cargo clippy --workspace --all-targets -- -D warnings" }
  }
}

job "unit" {
  description   = "what each crate promises, without servers"
  serial_groups = ["cores"]
  get "git" "pikoci" { trigger = true }
  task "packages" {
    run "tree" { cmd = "integration/packages" }
  }
  task "test" {
    run "tree" { cmd = "integration/suite unit" }
  }
}

job "integration" {
  description   = "the whole program, from outside; processes that die at the worst moment"
  serial_groups = ["cores"]
  get "git" "pikoci" {
    trigger = true
    passed  = ["unit"]
  }
  task "test" {
    run "tree" { cmd = "integration/suite program" }
  }
  task "faults" {
    run "tree" { cmd = "integration/suite faults" }
  }
}

# Everything that goes through a database or a broker, with the real ones: containers where an engine answers, processes
# of the machine elsewhere.
job "test-backends" {
  description   = "three databases, three brokers, a vault"
  serial_groups = ["cores"]
  get "git" "pikoci" {
    trigger = true
    passed  = ["unit"]
  }
  task "tools" {
    run "tree" {
      cmd = <<-EOT
        integration/packages
        integration/backends get
        printf 'kafka=%s\nvault=%s\n' "$PWD/target/kafka" "$PWD/target/tools/bin/rvault" >> "$PIKOCI_OUTPUT"
      EOT
    }
  }
  service "postgresql" { port = "0" }
  service "mariadb" { port = "0" }
  service "nats" { port = "0" }
  service "rabbitmq" { port = "0" }
  service "kafka" {
    port = "0"
    home = "$TASK_TOOLS_KAFKA"
  }
  service "vault" {
    port    = "0"
    program = "$TASK_TOOLS_VAULT"
  }
  task "test" {
    run "tree" {
      cmd = <<-EOT
        export PIKOCI_TEST_POSTGRESQL="postgres://postgres:postgres@$SERVICE_POSTGRESQL_HOST:$SERVICE_POSTGRESQL_PORT/postgres"
        export PIKOCI_TEST_MARIADB="mysql://root:root@$SERVICE_MARIADB_HOST:$SERVICE_MARIADB_PORT"
        export PIKOCI_TEST_NATS="nats://$SERVICE_NATS_HOST:$SERVICE_NATS_PORT"
        export PIKOCI_TEST_RABBITMQ="amqp://$SERVICE_RABBITMQ_HOST:$SERVICE_RABBITMQ_PORT"
        export PIKOCI_TEST_KAFKA="$SERVICE_KAFKA_HOST:$SERVICE_KAFKA_PORT"
        export PIKOCI_TEST_VAULT="http://$SERVICE_VAULT_HOST:$SERVICE_VAULT_PORT" PIKOCI_TEST_VAULT_TOKEN=root
        integration/suite backends
      EOT
    }
  }
}

job "browser" {
  description   = "the pages in a real browser"
  serial_groups = ["cores"]
  get "git" "pikoci" {
    trigger = true
    passed  = ["unit"]
  }
  task "test" {
    run "tree" { cmd = "integration/suite browser" }
  }
}

job "release" {
  description   = "the program as it is shipped"
  serial_groups = ["cores"]
  get "git" "pikoci" {
    trigger = true
    passed  = ["lint", "integration", "test-backends", "browser"]
  }
  task "build" {
    run "tree" { cmd = "cargo build --release --package pikoci --features kafka-tls" }
  }
  task "keep" {
    env = { RELEASES = var.releases }
    run "tree" {
      cmd = <<-EOT
        mkdir -p "$RELEASES"
        install -m 755 target/release/pikoci "$RELEASES/pikoci-$GET_PIKOCI_REF.new"
        mv "$RELEASES/pikoci-$GET_PIKOCI_REF.new" "$RELEASES/pikoci-$GET_PIKOCI_REF"
      EOT
    }
  }
}

# The new server starts beside the old one, which gets SIGQUIT: it finishes what runs, this build too, and ends.
job "redeploy" {
  description = "replaces the server that runs this"
  concurrency = 1
  get "git" "pikoci" {
    trigger = true
    passed  = ["release"]
  }
  task "replace" {
    env = { RELEASES = var.releases }
    run "tree" { cmd = "deploy/redeploy \"$RELEASES/pikoci-$GET_PIKOCI_REF\"" }
  }
}
