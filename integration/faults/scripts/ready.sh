# A probe: it fails as long as the harness wants the service started but not ready, or it hangs.
D=${0%/*}
. "$D/say.sh"
say probing
if [ -e "$D/hold-started" ]; then
  say started
  exit 1
fi
# A process that is its own service counts as being started as long as it is held in the middle of that.
if [ "$1" = process ] && [ -e "$D/hold-process" ]; then exit 1; fi
gate probe-hung
