job "build" {
  task "t" {
    run "exec" {
      a = 1 / 0
      b = 1 % 0
      c = [1, 2][2]
      d = [1][-1]
      e = regex("a+", "b")
      f = { for x in ["a", "a"] : x => 1 }
      g = jsondecode("{")
      h = pow(10, 9999999)
      i = [for a in range(1000) : [for b in range(1000) : [for c in range(1000) : a]]]
      j = 1e-9223372036854775808
    }
  }
}
