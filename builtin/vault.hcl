# vault, the secret type: keys and values of a Vault server. Without attributes the worker's
# VAULT_ADDR and VAULT_TOKEN, or the token of its own client, are used.
secret_type "vault" {
  params = ["path", "address", "token", "namespace", "ca_cert"]

  get "exec" {
    path = "/bin/sh"
    args = ["-ec", "exec \"$PIKOCI_EXE\" internal vault-get"]
  }
}

# vault, the service: a development server in a container of the official image, or the Vault or
# RustyVault installed on the worker. Everything is in memory or gone after the job.
service_type "vault" {
  params = ["runtime", "version", "port", "root_token", "image", "env", "data_tmpfs", "pull_policy", "program"]

  defaults {
    runtime    = "auto"
    version    = "latest"
    port       = "8200"
    root_token = "root"
  }

  start "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      exec "$PIKOCI_EXE" internal docker-start --image "hashicorp/vault:$param_version" --port 8200 --data /vault/file \
        --set SKIP_SETCAP=true --set VAULT_DEV_LISTEN_ADDRESS=0.0.0.0:8200 --env VAULT_DEV_ROOT_TOKEN_ID=param_root_token
    EOT
    ]
  }

  process "exec" {
    path = "/bin/sh"
    args = ["-ec", <<-EOT
      SERVER="$("$PIKOCI_EXE" internal host-check vault "${param_program:-vault|rvault}")"
      cd "$SERVICE_DATA"
      case "$SERVER" in
        */vault)
          export HOME="$SERVICE_DATA" VAULT_DEV_ROOT_TOKEN_ID="$param_root_token"
          exec "$SERVER" server -dev -dev-no-store-token -dev-listen-address="127.0.0.1:$SERVICE_PORT" ;;
      esac

      # RustyVault has no development mode: it is initialised and unsealed once it listens.
      cat > config.hcl <<END
      storage "file" {
        path = "$SERVICE_DATA/data"
      }
      listener "tcp" {
        address = "127.0.0.1:$SERVICE_PORT"
        tls_disable = "true"
      }
      api_addr = "http://127.0.0.1:$SERVICE_PORT"
      log_level = "info"
      pid_file = "$SERVICE_DATA/pid"
      work_dir = "$SERVICE_DATA/"
      END
      "$PIKOCI_EXE" internal vault-setup &
      exec "$SERVER" server --config config.hcl
    EOT
    ]
  }

  ready_check "exec" {
    path     = "/bin/sh"
    args     = ["-ec", "exec \"$PIKOCI_EXE\" internal ready vault"]
    interval = "2s"
    timeout  = "60s"
  }

  stop "exec" {
    path = "/bin/sh"
    args = ["-ec", "[ \"$SERVICE_RUNTIME\" != docker ] || exec \"$PIKOCI_EXE\" internal docker-stop"]
  }
}
