# A secret without a path is in the file that its type names; one with a path is where that says.
variable "dir" {}

secret_type "file" {
  path = "${var.dir}/own.json"
}

variable "own" {
  secret "file" {
    key = "word"
  }
}

variable "other" {
  secret "file" {
    path = "${var.dir}/other.json"
    key  = "word"
  }
}

variable "absent" {
  secret "file" {
    key = "nothing"
  }
}

job "read" {
  task "count" {
    env = {
      OWN   = var.own
      OTHER = var.other
    }
    run "shell" { cmd = "printf %s \"$OWN\" | wc -c; printf %s \"$OTHER\" | wc -c" }
  }
}

job "miss" {
  task "never" {
    env = {
      ABSENT = var.absent
    }
    run "shell" { cmd = "true" }
  }
}
