# Sourced by the others. Every word goes to the harness in one write; a gate holds until the harness opens it.
# A gate that the harness has opened once lets everybody pass.
say() {
  echo "$1 $BUILD_JOB_NAME/$BUILD_NUMBER $BUILD_FENCE ${SERVICE_INSTANCE:--} $$" >> "$D/events"
}

gate() {
  if [ ! -p "$D/gate/$1" ]; then return 0; fi
  say "$1"
  trap 'say termed; exit 143' TERM
  word=
  read -r word < "$D/gate/$1" || true
  trap - TERM
  [ "$word" != fail ] || exit 1
}
