# What a step leaves behind.
D=${0%/*}
. "$D/say.sh"
say orphan
exec sleep 86413
