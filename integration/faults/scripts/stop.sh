# A stop that speaks before it acts: whoever reads its output may be dead.
D=${0%/*}
. "$D/say.sh"
echo stopping
say stopping
gate mid-stop
say stopped
