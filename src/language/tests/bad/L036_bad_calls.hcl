job "build" {
  description = "${upper()} ${upper("a", "b")} ${uper("a")} ${ns::upper("a")}"
  task "t" {
    run "exec" {
      a = length(5)
      b = join(",", "x")
      c = 1 + "x"
      d = "a" && true
      e = "x".y
      f = { abc = 1 }.abd
      g = 5[0]
      h = [1]["x"]
      i = "${[1]}${null}"
      j = [for x in 5 : x]
      k = max("a"...)
      l = !"x"
      m = -[1]
      n = "%{ if 5 }x%{ endif }"
      o = format("100% sure: %y", 1)
      p = regex("a(b", "ab")
      q = formatdate("DD.MM.yyyy", "2006-01-02T15:04:05Z")
    }
  }
}
