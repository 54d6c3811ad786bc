# file: secrets in a file of the worker. The format follows the file's name when it is not given.
secret_type "file" {
  params = ["path", "format"]

  get "exec" {
    path = "/bin/sh"
    args = ["-ec", "exec \"$PIKOCI_EXE\" internal file-get"]
  }
}
