# The work, with an orphan in a session of its own.
D=${0%/*}
. "$D/say.sh"
setsid sh "$D/orphan.sh" &
say work
gate task
say worked
