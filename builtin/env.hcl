# env: secrets in the environment of the worker, only those whose names begin as its operator said.
secret_type "env" {
  params = ["prefix"]

  get "exec" {
    path = "/bin/sh"
    args = ["-ec", "exec \"$PIKOCI_EXE\" internal env-get"]
  }
}
