#!/usr/bin/env bash
# Stands in for systemd: starts and stops the instances of the unit pikoci-server@ as that says. HOUSE has their
# programs, settings and notes.
set -euo pipefail
unit=${!#}
name=${unit#pikoci-server@}
note="$HOUSE/$name.pid"
case $1 in
  # What has ended and was not waited for has no program any more.
  is-active) [ -s "$note" ] && readlink -q "/proc/$(cat "$note")/exe" > /dev/null ;;
  start)
    set -a
    . "$HOUSE/settings/server.env"
    . "$HOUSE/settings/$name.env"
    setsid "$HOUSE/programs/$name" server < /dev/null >> "$HOUSE/$name.log" 2>&1 &
    echo $! > "$note" ;;
  stop) kill -QUIT "$(cat "$note")" ;;
  *) exit 2 ;;
esac
