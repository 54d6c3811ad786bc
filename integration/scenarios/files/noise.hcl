# Output that no terminal wants.
job "loud" {
  task "long-line" {
    run "shell" { cmd = "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo after" }
  }
  task "bytes" {
    run "shell" { cmd = "printf 'a\\377\\376b\\n\\303'; sleep 0.1; printf '\\244\\n\\0\\033[31mred\\033[0m\\n'" }
  }
  task "no-newline" {
    run "shell" { cmd = "printf 'no end'" }
  }
  task "both" {
    run "shell" { cmd = "echo out; sleep 0.1; echo err >&2; sleep 0.1; echo out" }
  }
  task "many" {
    run "shell" { cmd = "seq 1 200000" }
  }
}
