#!/bin/sh
# The cloud of the crash trials: a folder in which each thing is a file. `cloud.sh create|destroy NAME SECONDS`
#
#   things/NAME      exists
#   locks/NAME       one at a time: who comes second waits for the end of the first, as a client token has it
#   refused/MACHINE  the destruction of what is its fails
#   journal          begin, created, found, destroyed, absent, refused, end: time, word, name, pid, pid of the terraform
#
# Work that was begun goes on to its end, whatever becomes of whoever asked for it. It says nothing on its output,
# which is a pipe to a terraform that may be dead. It leaves the session of its terraform, whose end is not its own.
set -u
if [ -z "${TERRAFORM-}" ]; then
  export TERRAFORM="$PPID"
  exec setsid sh "$0" "$@"
fi
verb=$1 name=$2 seconds=$3
here=$(dirname "$0")

note() {
  printf '%s %s %s %s %s %s\n' "$(date +%s.%N)" "$1" "$verb" "$name" "$$" "$TERRAFORM" >>"$here/journal"
}

note begin
exec 9>"$here/locks/$name"
flock 9
case $verb in
create)
  if [ -e "$here/things/$name" ]; then
    note found
  else
    sleep "$seconds"
    : >"$here/things/$name"
    note created
  fi
  ;;
destroy)
  machine=${name#*.}
  if [ -e "$here/refused/${machine%%.*}" ]; then
    note refused
    note end
    exit 1
  elif [ -e "$here/things/$name" ]; then
    sleep "$seconds"
    rm "$here/things/$name"
    note destroyed
  else
    note absent
  fi
  ;;
esac
note end
