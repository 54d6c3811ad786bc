variable "s" {
  secret "env" { key = "S" }
}

job "build" {
  task "t" {
    run "exec" {
      env = {
        A = upper(var.s)
        B = var.s == "x" ? "y" : "z"
        C = jsonencode({ a = [var.s] })
        D = "${var.s}" + 1
        E = var.s ? 1 : 2
        F = { "${var.s}" = 1 }["x"]
        G = length("a${var.s}")
      }
    }
  }
}
