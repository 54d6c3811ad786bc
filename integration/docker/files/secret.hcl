variable "dir" {}

variable "token" {
  secret "env" {
    key = "TOKEN"
  }
}

job "use" {
  task "show" {
    env = { GIVEN = var.token }
    run "docker" {
      image   = "busybox:1.36"
      volumes = ["${var.dir}:/signs"]
      env     = { ALSO = var.token }
      cmd     = "echo in the script: ${var.token}; [ \"$ALSO\" = \"$GIVEN\" ]; echo in the environment: $GIVEN, $${#GIVEN} bytes; echo looking; until [ -e /signs/go ]; do sleep 0.1; done"
    }
  }
}
