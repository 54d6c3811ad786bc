# Starts a daemon of the kind that its argument names, and is held in the middle of it.
D=${0%/*}
. "$D/say.sh"
say starting
case $1 in
  plain | big) sh "$D/daemon.sh" > /dev/null 2>&1 & ;;
  forking) sh -c "sh '$D/daemon.sh' & sh '$D/daemon.sh' & exit 0" > /dev/null 2>&1 ;;
  setsid) setsid sh -c "setsid sh '$D/daemon.sh' & exit 0" > /dev/null 2>&1 & ;;
  stubborn) sh -c "trap '' TERM INT HUP; exec sh '$D/daemon.sh'" > /dev/null 2>&1 & ;;
  loud) sh "$D/daemon.sh" & ;;
  bare) env -i PATH="$PATH" BUILD_JOB_NAME="$BUILD_JOB_NAME" BUILD_NUMBER="$BUILD_NUMBER" BUILD_FENCE="$BUILD_FENCE" \
    SERVICE_INSTANCE="$SERVICE_INSTANCE" setsid sh "$D/daemon.sh" > /dev/null 2>&1 & ;;
  process) ;;
  chain | chain-8 | chain-64 | zombie-leader | thread-child) sh "$D/daemon.sh" "$1" > /dev/null 2>&1 & ;;
  *) echo "no such kind: $1" >&2; exit 2 ;;
esac
gate mid-start
if [ "$1" = process ]; then exec sh "$D/daemon.sh"; fi
