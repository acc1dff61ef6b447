#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# cgward events as a person and a script use it.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}

top=/cgwtest-$$-events
live_begin

# begin NAME ARG...: cgward events in the background, watching before this returns
begin() {
	local name=$1
	shift
	rm -f "$work/$name"
	"$cgward" events --initial "$@" >"$work/$name" 2>"$work/$name.err" &
	watcher=$!
	until_true test -s "$work/$name" || cat "$work/$name.err"
}

# ended NAME: waits for the command that begin started; sets status, out and err
ended() {
	status=0
	wait $watcher || status=$?
	out=$(cat "$work/$1") err=$(cat "$work/$1.err")
}

# the lines of out without their time, blanks squeezed
lines() {
	sed -E 's/^[0-9:.]{15} +//; s/ +/ /g' <<<"$out"
}

# --- wrong usage ---

"$cgward" create $top/a
refuses 2 "too few arguments" "events needs a group" "$cgward" events
refuses 2 "'nonsense' is no kind of event: there are populated, .*pids.max" \
	"an unknown kind is wrong usage, and the others are named" \
	"$cgward" events --kinds populated,nonsense $top/a
refuses 2 "only populated and frozen have a state" "counters have no state to wait for" \
	"$cgward" events --until oom_kill=1 $top/a
refuses 2 "'memory:some' is not .* as memory:some:100ms/1s" "half a trigger is wrong usage" \
	"$cgward" events --pressure memory:some $top/a
refuses 2 "a window is 500 ms to 10 s" "a window out of bounds is wrong usage" \
	"$cgward" events --pressure cpu:some:1ms/20s $top/a
refuses 1 "no such group: '$top/b'" "a group that is not there" "$cgward" events $top/b

# --- a group's life ---

begin life $top/a
"$cgward" run --group $top/a/job -- true
"$cgward" freeze $top/a
until_true grep -q 'frozen  *1' "$work/life"
"$cgward" thaw $top/a
"$cgward" delete $top/a
ended life
is "$status:$err" "0:" "events ends by itself when the group is gone"
like "$(lines)" "^populated 0 $top/a\$" "--initial begins with the state as it is"
like "$(lines)" "^frozen 1 $top/a\$" "frozen is told"
is "$(lines | tail -n 1)" "removed $top/a" "the last line says that it is gone"

"$cgward" create $top/a
begin follow --recursive --json $top/a
"$cgward" run --detach --group $top/a/new/job -- sleep 1000 >/dev/null
# told SUFFIX: of $top/a and that, by now, that somebody is inside
# shellcheck disable=SC2317 # run by until_true
told() {
	grep -q "\"path\":\"$top/a$1\",\"id\":[0-9]*,\"populated\":1" "$work/follow"
}
# in whatever order: the kernel notifies of each file by itself
until_true told /new/job
until_true told ''
ok $? "a process in a new group below is told at the group above"
"$cgward" delete --kill --recursive $top/a
ended follow
is "$status:$err" "0:" "and the command ends when all is gone"
stamp='"time":"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z","mono_ns":[0-9]+'
for event in created removed; do
	like "$out" "^\\{\"event\":\"$event\",$stamp,\"path\":\"$top/a/new/job\",\"id\":[0-9]+\\}\$" \
		"--json: $event of a group below"
done
like "$out" "^\\{\"event\":\"populated\",$stamp,\"path\":\"$top/a/new/job\",\"id\":[0-9]+,\"populated\":1\\}\$" \
	"--json: populated has its state"

# --- conditions ---

"$cgward" create $top/a
"$cgward" run --detach --group $top/a/job -- sleep 1000 >/dev/null
begin until --kinds removed,frozen --until populated=0 $top/a
"$cgward" kill $top/a
ended until
is "$status:$err" "0:" "--until populated=0 ends with status 0"
is "$(lines)" "$(printf '%s\n' "populated 1 $top/a" "frozen 0 $top/a" "populated 0 $top/a")" \
	"and prints that beside what was asked for"
"$cgward" run --detach --group $top/a/job2 -- sleep 1000 >/dev/null
begin empty --exit-empty --kinds populated $top/a
"$cgward" kill $top/a
ended empty
is "$status:$err" "0:" "--exit-empty ends when the last process does"
is "$(lines)" "$(printf '%s\n' "populated 1 $top/a" "populated 0 $top/a")" "--kinds prints only these"
run_it timeout 60 "$cgward" events --exit-empty $top/a
is "$status:$out:$err" "0::" "--exit-empty with an empty group ends at once"
refuses 1 "no event 'frozen=1' came in 100 ms" "--until and --timeout: status 1, and why" \
	"$cgward" events --until frozen=1 --timeout 100ms $top/a
run_it "$cgward" events --timeout 100ms $top/a
is "$status:$out:$err" "0::" "--timeout alone is no failure"
begin gone --until memory.oom_kill $top/a
"$cgward" delete --recursive $top/a
ended gone
is "$status" 1 "a condition that cannot come any more is a failure"
like "$err" "the groups are gone, and no event 'memory.oom_kill' came" "and says so"

# --- ends from outside ---

"$cgward" create $top/a
for signal in INT TERM; do
	begin signal $top/a
	kill -$signal $watcher
	ended signal
	is "$status:$err" "0:" "SIG$signal ends it quietly"
done
is "$(timeout 60 "$cgward" events --initial $top/a | head -n 1 | sed 's/.* //')" "$top/a" \
	"it ends when nobody reads any more"
run_it setpriv --reuid 65534 --regid 65534 --clear-groups "$cgward" events --initial --timeout 100ms $top/a
is "$status:$err" "0:" "whoever may read the groups may watch them"
run_it setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$cgward" events --pressure cpu:some:100ms/2s --timeout 100ms $top/a
is "$status" 1 "but only who may write the file arms a trigger"
like "$err" "cannot watch cpu.pressure of '$top/a'|pressure is not measured" "and is told so"

# --- limits ---

if grep -qw memory "$mount/cgroup.controllers"; then
	"$cgward" create -s memory.max=20M -s memory.swap.max=0 $top/limit
	"$cgward" create -s memory.oom.group=0 $top/limit/victim
	begin oom --json --kinds populated,oom_kill --until memory.oom_kill --timeout 60s \
		$top/limit/victim
	sh -c "echo \$\$ >'$mount$top/limit/victim/cgroup.procs'; exec tail /dev/zero" 2>/dev/null
	ended oom
	is "$status:$err" "0:" "--until oom_kill sees the kill"
	like "$out" "^\\{\"event\":\"memory.oom_kill\",$stamp,\"path\":\"$top/limit/victim\",\"id\":[0-9]+,\"delta\":1,\"own\":1,\"total\":1,\"by\":\"$top/limit\"\\}\$" \
		"and names the group whose limit it was"
else
	skip "--until oom_kill sees the kill" "controller memory is held by cgroup v1"
fi
done_testing
