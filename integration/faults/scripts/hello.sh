# The task before the service: the harness learns here which shim is whose.
D=${0%/*}
. "$D/say.sh"
gate hello
