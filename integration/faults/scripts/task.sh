# The work, with an orphan in a session of its own; a loud one holds the work's output open.
D=${0%/*}
. "$D/say.sh"
if [ "$1" = loud ]; then
  setsid sh "$D/orphan.sh" &
else
  setsid sh "$D/orphan.sh" > /dev/null 2>&1 &
fi
say work
gate task
say worked
