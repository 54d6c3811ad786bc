# What a build does: it tells its ledger, by one append a word, when it begins, that it lives, and that it ends; and it
# prints lines that can be known beforehand. Arguments: the directory; how many beats; lines a beat; pause after a beat.
dir=$1 beats=$2 lines=$3 pause=$4
ledger=$dir/ledger/$BUILD_JOB_NAME-$BUILD_NUMBER
me="$BUILD_RUN $BUILD_FENCE"
if [ -e "$ledger" ]; then
  while read -r word run fence pid; do
    # By its environment: the number alone may be a stranger's by now.
    [ "$word" != begin ] || ! grep -qz "^BUILD_FENCE=$fence$" "/proc/$pid/environ" 2> /dev/null || echo "met $me $fence" >> "$ledger"
  done < "$ledger"
fi
echo "begin $me $$" >> "$ledger"
beat=0
while [ $beat -lt "$beats" ]; do
  beat=$((beat + 1)) line=0
  while [ $line -lt "$lines" ]; do
    line=$((line + 1))
    echo "$BUILD_JOB_NAME $BUILD_NUMBER, run $me: $beat.$line"
  done
  echo "beat $me $beat" >> "$ledger"
  sleep "$pause"
done
echo "end $me $beat" >> "$ledger"
