#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# cgward trace and explain freeze as a person and a script use them.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}
stuck=${CGW_TESTS:-build/tests}/stuck

top=/cgwtest-$$-trace
live_begin

if "$cgward" --version | grep -q -e '-bpf'; then
	refuses 1 "built without BPF" "a build without BPF says so" "$cgward" trace freeze
	done_testing
	exit
fi

# --- wrong usage ---

"$cgward" create $top/a
refuses 2 "too few arguments" "trace needs a tracer" "$cgward" trace
refuses 2 "'freez' is no tracer: there are freeze, oom, deny and lifecycle" \
	"an unknown tracer is wrong usage, and the others are named" "$cgward" trace freez
refuses 2 "'1X' is no size of a ring" "a ring of no size" "$cgward" trace --ring 1X freeze
refuses 2 "a ring of 5000 bytes: it takes a power of two, 4096 to 1073741824" \
	"a ring that is no power of two" "$cgward" trace --ring 5000 freeze
refuses 2 "'0' is no number of events" "no events are too few" "$cgward" trace --count 0 freeze
refuses 2 "'-1' is no number of events" "as are less" "$cgward" trace --count -1 freeze
refuses 1 "no such group: '$top/b'" "a group that is not there" "$cgward" trace freeze $top/b

# --- a kernel that does not describe its types ---

# shellcheck disable=SC2016 # it is expanded by sh
without_btf='mount --bind /dev/null /sys/kernel/btf/vmlinux && exec "$@"'
refuses 1 "this kernel does not describe its types .no /sys/kernel/btf/vmlinux." \
	"without BTF there is one clear answer" \
	unshare -m sh -c "$without_btf" sh "$cgward" trace freeze
like "$err" "hint: a kernel built with CONFIG_DEBUG_INFO_BTF" "and what to do about it"
run_it unshare -m sh -c "$without_btf" sh "$cgward" explain freeze $top/a
is "$status:$err:$out" "0::$top/a is not frozen: nobody asks for it to be frozen" \
	"explain does without"

# --- a freeze ---

trace_begin text trace --count 4 freeze $top
"$cgward" freeze $top/a
"$cgward" thaw $top/a
trace_ended text
is "$status:$err" "0:" "--count ends the trace"
like "$out" "^[0-9:.]{15}  freeze.requested +$top/a  by cgward \(pid [0-9]+, uid 0\)$" \
	"who asked for a freeze"
like "$out" "  freeze.reached +$top/a  after [0-9]+ [mu]?s, request of cgward \(pid [0-9]+, uid 0\)$" \
	"when it was reached"
like "$out" "  freeze.thawed +$top/a  was frozen for [0-9]+ [mu]?s, request of cgward" \
	"how long it lasted"

trace_begin json --json trace --count 2 freeze $top/a
"$cgward" freeze $top
trace_ended json
is "$(wc -l <<<"$out")" 2 "one line for each event"
# shellcheck disable=SC2016
pattern='^\{"event":"freeze.requested","time":"20[0-9T:.-]+Z","mono_ns":[0-9]+,"path":"'$top/a'",'
pattern+='"id":[0-9]+,"pid":[0-9]+,"tid":[0-9]+,"uid":0,"comm":"cgward","source":"tp_btf","own":false\}$'
like "$out" "$pattern" "a request as JSON"
pattern='"source":"tp_btf","own":false,"after_ns":[0-9]+,"by":\{"pid":[0-9]+,"uid":0,"comm":"cgward"\}\}$'
like "$out" "$pattern" "the freeze as JSON"

# --- how it ends ---

trace_begin time trace --duration 100ms freeze $top
trace_ended time
is "$status:$out:$err" "0::" "--duration ends it with status 0"
trace_begin signal trace freeze $top
kill -TERM $tracer
trace_ended signal
is "$status:$out:$err" "0::" "so does SIGTERM"

# --- explain ---

succeeds "a frozen group is explained" "$cgward" explain freeze $top/a
is "$out" "$top/a is frozen, as $top asks" "with the group that asks for it"
"$cgward" thaw $top
succeeds "a group that nobody freezes is explained" "$cgward" explain freeze $top/a
is "$out" "$top/a is not frozen: nobody asks for it to be frozen" "in a sentence"
succeeds "as JSON" "$cgward" --json explain freeze $top/a
is "$out" '{"path":"'$top/a'","frozen":false,"asked_of":null,"blockers":[]}' "on one line"
refuses 1 "no such group" "a group that is not there is not explained" \
	"$cgward" explain freeze $top/b

# the shell has no function for it: this is the request without waiting
"$stuck" $top/a >"$work/stuck" &
until_true test -s "$work/stuck"
pid=$(cat "$work/stuck")
if [[ $pid =~ ^[0-9]+$ ]]; then
	trace_begin blocked trace --blocked 50ms --count 2 freeze $top/a
	echo 1 >"$mount$top/cgroup.freeze"
	trace_ended blocked
	pattern="  freeze.requested +$top/a  by [^ ]+ \(pid $$, uid 0\), with a group above\$"
	like "$out" "$pattern" "a request of the shell's, of a group above"
	like "$out" "  freeze.requested +$top/a " "is told at the group that is watched"
	run_it "$cgward" explain freeze $top
	like "$out" "^$top is to be frozen, as $top asks, and is not\$" "explain says what is the matter"
	like "$out" "^  pid $pid \(.*\) in $top/a, state D: it waits for whoever serves its page faults" \
		"names the task and what it waits for"
	like "$out" "^    handle_userfault < " "and its kernel stack"
	run_it "$cgward" --json explain freeze $top
	like "$out" '"blockers":\[\{"path":"'$top/a'","pid":'"$pid"',.*"wchan":"handle_userfault"' \
		"as JSON too"
	kill -KILL "$pid"
else
	skip "tasks in the way" "$pid"
fi
echo 0 >"$mount$top/cgroup.freeze"

done_testing
