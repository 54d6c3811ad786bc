variable "list" { default = "a,b,c" }

job "all" {
  description = <<EOT
Text of
several lines
EOT
  task "values" {
    run "exec" {
      path       = "x"
      arithmetic = (1 + 2) * 3 - 4 / 2 % 3
      big        = 18446744073709551615 + 1
      tenth      = 0.1 + 0.2
      negative   = -"5" + 1
      compare    = 1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3 && 1 == 1 && 1 != 2 && !false || false
      strings    = "5" * "2"
      texts      = "a" == "a"
      chosen     = "true" ? [1, "two", null] : null
      tuple      = [for i, x in split(",", var.list) : "${i}${upper(x)}" if x != "b"]
      object     = { for x in split(",", var.list) : x => length(x) }
      groups     = { for x in ["aa", "ab", "b"] : substr(x, 0, 1) => x... }
      pairs      = [for k, v in { b = 2, a = 1 } : "${k}=${v}"]
      splat      = [{ n = "x", l = [1, 2] }, { n = "y", l = [3, 4] }][*].n
      deep       = [{ l = [1, 2] }, { l = [3, 4] }][*].l[0]
      attributes = [{ l = [1, 2] }, { l = [3, 4] }].*.l[1]
      single     = "z"[*]
      index      = { a = [10, 20] }.a[1]
      key        = { "a b" = 1 }["a b"]
      legacy     = [1, 2].0
      computed   = { (upper("k")) = 1, "${"q"}" : 2 }
      expanded   = max([3, 9, 2]...)
      unwrapped  = "${[1, 2]}"
      directive  = "%{ for x in ["a", "b"] ~}  <${x}>  %{ endfor ~}  !"
      condition  = "%{ if length(var.list) > 3 }long%{ else }short%{ endif }"
      trimmed    = "a  ${~ "b" ~}  c"
      escapes    = "tab\t quote\" backslash\\ \u00e9 \U0001F600"
      heredoc    = <<-EOT
        %{ for i in range(2) ~}
        line ${i}
        %{ endfor ~}
          end
      EOT
    }
  }
}
