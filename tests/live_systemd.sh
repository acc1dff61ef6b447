#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# Scopes where there is no systemd: each command says so, and names are refused all the same.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}
library=libsystemd.so.0

top=/cgwtest-$$-systemd
live_begin
if [ -d /run/systemd/system ]; then
	echo "1..0 # SKIP systemd runs here; tests/vm_systemd.sh is for that"
	exit 4
fi

why="systemd does not run here|$library: cannot open shared object file"
[[ $("$cgward" --version) == *+systemd* ]] || why='built without systemd'
before=$(cut -d : -f 3 "/proc/$$/cgroup")
refuses 1 "$why" "scope start" "$cgward" scope start web $$
like "$err" '^hint: ' "with a hint"
refuses 125 "$why" "scope start -- CMD" "$cgward" scope start web -- true
refuses 1 "$why" "scope show" "$cgward" scope show web
refuses 1 "$why" "scope stop" "$cgward" scope stop web
refuses 1 "$why" "for a slice" "$cgward" scope start web.slice
run_it "$cgward" doctor
like "$out" "^systemd +missing +.*($why)" "doctor"
is "$(cut -d : -f 3 "/proc/$$/cgroup")" "$before" "nobody was moved"
refuses 2 "too few arguments" "no name" "$cgward" scope start
refuses 125 "before -- there is one NAME" "a command, and pids" "$cgward" scope start web $$ -- true
refuses 2 "'x' is not a pid" "no pid" "$cgward" scope start web x
refuses 2 "the slice is given twice" "a triple, and a slice" "$cgward" scope start --slice a.slice b.slice:c:d $$
refuses 2 "'scope' is one of: start, show, stop" "no verb" "$cgward" scope

# where the -- is that a command comes after: its failures have a status of their own
refuses 1 "$why" "the value of an option is no end of options" "$cgward" scope start --description -- web $$
refuses 1 "$why" "nor is that of the last one" "$cgward" scope start web $$ --description --
refuses 125 "$why" "with a command" "$cgward" scope start --description -- web -- true
refuses 125 "$why" "whose words are its own" "$cgward" scope start web --description=a -- true --description --
refuses 125 "unknown option '--bad'" "a wrong option before a command" "$cgward" scope start --bad web -- true
refuses 2 "unknown option '--bad'" "a wrong option without one" "$cgward" scope start --bad web $$

if [[ $why != built* ]]; then
	refuses 1 "cannot start 'a-b.slice'" "a triple of a slice" "$cgward" scope start a.slice:any:a-b.slice
	for kind in scope service; do
		refuses 1 "cannot start 'docker-x.$kind.scope'" "a triple that ends in .$kind" \
			"$cgward" scope start system.slice:docker:x.$kind $$
	done
	refuses 2 "by its name it is in 'a.slice'" "a triple of another slice" "$cgward" scope start b.slice:any:a-b.slice
	refuses 1 "cannot start 'a:b.scope'" "a scope with a colon in its name" "$cgward" scope start a:b.scope $$
	refuses 2 "does not end in .slice" "a triple without a slice" "$cgward" scope start a:b:c $$
	for verb in show stop; do
		refuses 1 "cannot look at 'docker-x.scope'" "$verb: a triple" "$cgward" scope $verb system.slice:docker:x
	done
	run_it "$cgward" --json scope show é
	like "$status:$err" '^2:.*: '"'"'\\\\xc3'"'"' cannot be in it"' "a byte that is no character is told as one"
	refuses 2 "bad unit name 'a b.scope': ' ' cannot be in it" "a bad name" "$cgward" scope start 'a b' $$
	refuses 2 "it is neither a scope nor a slice" "a service" "$cgward" scope start cron.service $$
fi

# hidden COMMAND...: where the library is nothing
hidden() {
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare -m sh -c 'mount --bind /dev/null "$0" && exec "$@"' "$path" "$@"
}

path=$(ldconfig -p 2>/dev/null | sed -n "s/.*$library.* => //p" | head -n 1)
[ -z "$path" ] || path=$(realpath "$path")
if [[ $why != built* && -n $path ]] && hidden true 2>/dev/null; then
	refuses 1 "cannot start 'web.scope': .*$library: file too short" "without $library" \
		hidden "$cgward" scope start web $$
	like "$err" "^hint: install libsystemd" "with a hint"
	run_it hidden "$cgward" run -- true
	is "$status:$err" "0:" "nothing else needs it"
else
	skip "without $library" "it is not needed, not here, or cannot be hidden"
fi
done_testing
