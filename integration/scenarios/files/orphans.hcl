# What tasks leave behind ends with the build.
job "leave" {
  task "behind" {
    run "shell" { cmd = "sleep 700 & setsid sleep 701 > /dev/null 2>&1 & setsid sh -c 'trap \"\" TERM; while :; do sleep 702; done' > /dev/null 2>&1 < /dev/null & echo left" }
  }
  task "still" {
    run "shell" { cmd = "pgrep -f 'sleep 70[1]' > /dev/null; echo still there" }
  }
}
