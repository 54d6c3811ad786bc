# What a start leaves behind.
D=${0%/*}
. "$D/say.sh"
say daemon
exec sleep 86413
