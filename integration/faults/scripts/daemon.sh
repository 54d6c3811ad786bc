# What a start leaves behind.
D=${0%/*}
. "$D/say.sh"
say daemon
helper="$D/../../pikoci-faults-helper"
case ${1:-} in
  chain) exec "$helper" chain 1 ;;
  chain-8) exec "$helper" chain 8 ;;
  chain-64) exec "$helper" chain 64 ;;
  zombie-leader) exec "$helper" zombie-leader ;;
  thread-child) exec "$helper" thread-child ;;
esac
exec sleep 86413
