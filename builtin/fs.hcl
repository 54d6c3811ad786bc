# fs: a file or directory of the worker's host; a version is the digest of its content.
resource_type "fs" {
  params = ["path"]

  check "exec" {
    path = "/bin/sh"
    args = ["-ec", "exec \"$PIKOCI_EXE\" internal fs-check"]
  }

  pull "exec" {
    path = "/bin/sh"
    args = ["-ec", "exec \"$PIKOCI_EXE\" internal fs-pull"]
  }
}
