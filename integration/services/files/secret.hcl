# Secrets of a Vault server, in the forms in which people write their paths.
variable "two" {
  secret "vault" {
    path = "secret/data/db"
    key  = "password"
  }
}

variable "short" {
  secret "vault" {
    path = "secret/db"
    key  = "password"
  }
}

variable "one" {
  secret "vault" {
    path = "kv/old"
    key  = "word"
  }
}

variable "lost" {
  secret "vault" {
    path = "kv/old"
    key  = "missing"
  }
}

job "use" {
  task "show" {
    env = {
      TWO   = var.two
      SHORT = var.short
      ONE   = var.one
    }
    run "shell" { cmd = "echo \"$TWO $SHORT $ONE\"; echo \"$TWO\" | wc -c; [ \"$TWO\" = \"$SHORT\" ]; [ -z \"$VAULT_TOKEN\" ]" }
  }
}

job "lost" {
  task "show" {
    env = { LOST = var.lost }
    run "shell" { cmd = "echo never" }
  }
}
