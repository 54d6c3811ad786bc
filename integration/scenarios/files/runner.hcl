# A runner type of one's own.
runner_type "loud" {
  run {
    path = "/bin/sh"
    args = ["-c", "printf '%s!' \"$@\"; echo; pwd | grep -c \"^$WORKDIR\"", "$word", "$absent", "$args"]
  }
}

job "run" {
  task "it" {
    run "loud" {
      word = "name"
      args = ["one two", "three"]
    }
  }
}
