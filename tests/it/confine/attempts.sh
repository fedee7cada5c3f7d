# What a template tries on its way through an apply, line by line into a file of its own folder.
# DATA, HOME_DIR, OTHER_WORK, OTHER_RUN, DAEMON come from the test.
try() {
  what=$1
  shift
  if "$@" >/dev/null 2>&1; then echo "$what: done"; else echo "$what: denied"; fi >>attempts.txt
}
shell() { try "$1" sh -c "$2"; }
: >attempts.txt
supervisor=$(awk '{ print $4 }' "/proc/$PPID/stat")
own_run=$(tr '\0' '\n' <"/proc/$supervisor/cmdline" | tail -n 1)

try "read the token" cat "$DATA/admin.token"
try "read the database" cat "$DATA/captd.db"
try "read its journal" cat "$DATA/captd.db-wal"
try "read a key" cat "$DATA/some.key"
try "read the configuration" cat "$HOME_DIR/captd.toml"
try "read the home folder" ls "$HOME_DIR"
try "read what signs in to registries" cat "$HOME_DIR/.terraform.d/credentials.tfrc.json"
try "read another work folder" cat "$OTHER_WORK"
try "read another run" cat "$OTHER_RUN"
try "list the data folder" ls "$DATA"
try "list all revisions" ls "$DATA/revisions"
try "list all runs" ls "$DATA/runs"
try "read the daemon's environment" cat "/proc/$DAEMON/environ"
try "read by the daemon's root" cat "/proc/$DAEMON/root$DATA/admin.token"
shell "read by a link" "ln -sf '$DATA/admin.token' link && cat link"
shell "read by a hard link" "ln -f '$DATA/admin.token' hard && cat hard"
shell "rename a file into its folder" "mv '$DATA/to-move' moved"
shell "write into the data folder" ": >>'$DATA/planted'"
shell "write Terraform's configuration" ": >>'$DATA/terraform.rc'"
shell "write into another work folder" ": >>'$OTHER_WORK'"
shell "write where its supervisor writes" ": >>'$own_run/planted'"
shell "make a command of its own run" "mkdir '$own_run/../9-more'"
shell "lay a link where its supervisors have their sockets" 'g=$(echo "$TMPDIR" | sed "s/[^.]*$/g/") && mkdir -p "$g" && ln -s / "$g/0"'
shell "write to /tmp" ": >>'/tmp/captd-test-$DAEMON' && rm '/tmp/captd-test-$DAEMON'"
shell "write to the home folder" ": >>'$HOME_DIR/planted'"
try "read the gateway's token" cat "$DATA/gateway/token"
try "connect to a gateway" perl -e 'use Socket; my $no = 1; open(F, "/proc/net/unix"); while (<F>) { /@(captd-gateway-\w+)/ or next; socket(my $s, AF_UNIX, SOCK_STREAM, 0); $no = 0 if connect($s, pack("S a*", AF_UNIX, "\0$1")) } exit $no'
try "signal the daemon" kill -0 "$DAEMON"
try "signal its supervisor" kill -0 "$supervisor"
try "make a device" mknod disk b 8 0
try "read secrets of the system" cat /etc/shadow

shell "write into its own folder" ": >>own"
shell "use temporary files" 'f=$(mktemp) && case $f in "$TMPDIR"/*) rm "$f" ;; *) false ;; esac'
shell "run a program of its own" "printf '#!/bin/sh\n' >program && chmod +x program && ./program"
shell "read the system's certificates" "cat /etc/ssl/certs/* | head -c 1 | grep -q ."
shell "read the system's users" "id -un && getent passwd 0"
shell "write to /dev/null" "echo >/dev/null"
try "signal what it started" kill -0 $$
cat attempts.txt
echo "attempts are over"
