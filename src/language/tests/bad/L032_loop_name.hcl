job "build" {
  description = join(",", [for NAME in ["a"] : "x"])
  tags        = [for k, param_x in { a = 1 } : k]
  task "t" {
    run "shell" {
      cmd = "%{ for X in ["a"] }x%{ endfor }"
    }
  }
}
