#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# Recordings as a person and a script use them: trace --record, replay, trace start, stop and list.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}
opener=${CGW_TESTS:-build/tests}/opener

top=/cgwtest-$$-record
name=cgwtest-$$
live_begin

if "$cgward" --version | grep -q -e '-bpf'; then
	refuses 1 "built without BPF" "a build without BPF says so" "$cgward" trace start $name lifecycle
	is "$("$cgward" trace list | grep $name)" "" "and leaves no name"
	done_testing
	exit
fi
# shellcheck disable=SC2317 # run by trap
cleanup() {
	# a child that is told to end before it has become another program runs this, too
	[ "$BASHPID" = $$ ] || return 0
	[ -z "$tracer" ] || kill -KILL "$tracer" 2>/dev/null
	"$cgward" trace stop $name >"$work/last" 2>&1
	live_end
}
trap cleanup EXIT
tracer=''

# churn N: make and remove N groups
churn() {
	local i
	for ((i = 0; i < $1; i++)); do
		mkdir "$mount$top/a/$i" && rmdir "$mount$top/a/$i"
	done
}


# has COUNT FILE: lines that tell of a group that was removed
has() {
	[ "$(grep -c removed "$2")" = "$1" ]
}

larger() {
	[ "$(stat -c %s "$1")" -gt "$2" ]
}

# settle: wait until the groups that were removed have been released, which is an event of theirs
settle() {
	until_true grep -qx "nr_dying_descendants 0" "$mount$top/cgroup.stat"
}

# listed STATE: is the trace $name so by now?
listed() {
	"$cgward" trace list | grep -q "^$name *$1 "
}

"$cgward" create $top/a

# --- the same as live ---

trace_begin text trace --record "$work/text.rec" --count 12 freeze,lifecycle $top
"$cgward" freeze $top/a
"$cgward" thaw $top/a
churn 10
trace_ended text
live=$out
is "$status" 0 "a trace that is recorded ends as any"
like "$err" "^cgward: '$work/text.rec' has 12 events\$" "and says what it has"
is "$(wc -l <<<"$live")" 12 "it prints the events too"
is "$(stat -c %a "$work/text.rec")" 600 "only its owner may read the recording"
succeeds "a recording is replayed" "$cgward" replay "$work/text.rec"
is "$out" "$live" "text is as it was live"
trace_begin json --json trace --record "$work/json.rec" --count 12 freeze,lifecycle $top
"$cgward" freeze $top/a
"$cgward" thaw $top/a
churn 10
trace_ended json
is "$("$cgward" replay --json "$work/json.rec")" "$out" "JSON is as it was live"
is "$("$cgward" --json replay - <"$work/json.rec")" "$out" "from a pipe too"
is "$("$cgward" replay --json --kinds freeze "$work/json.rec")" "$(grep '"freeze\.' <<<"$out")" \
	"--kinds takes a tracer's name"
is "$("$cgward" replay --json --kinds freeze.thaw,lifecycle.removed "$work/json.rec")" \
	"$(grep -e '"freeze.thaw"' -e '"lifecycle.removed"' <<<"$out")" "and those of events"
run_it "$cgward" -v replay "$work/json.rec"
like "$err" "json.rec: recorded from 20.*Z by cgward [0-9.]* on Linux [0-9]" "-v says where it is from"

"$cgward" create $top/d
"$cgward" -q devices set $top/d --devices none

# inside COMMAND...: in that group, which stays: who denied is looked up when it is told
inside() {
	# shellcheck disable=SC2016 # it is expanded by sh
	sh -c 'echo $$ >"$0" && exec "$@"' "$mount$top/d/cgroup.procs" "$@" >/dev/null 2>&1
}

trace_begin deny --json trace --record "$work/deny.rec" --count 1 deny $top
inside head -c 1 /dev/zero
trace_ended deny
like "$out" '"minor":5,.*"rule":"' "a denial is told with its rule"
is "$("$cgward" replay --json "$work/deny.rec")" "$out" "and replayed with it"
like "$out" '"node":"/dev/zero"' "its device has a name"
# shellcheck disable=SC2016 # it is expanded by sh
is "$(unshare -m sh -c 'mount -t tmpfs none /sys/dev && exec "$@"' - "$cgward" --json replay "$work/deny.rec")" "$out" \
	"also where there is no such device"

# --- denials that are summed up ---

# sums N: has the trace printed that many of them by now?
sums() {
	[ "$(grep -c ' more like it: ' "$work/sums")" -ge "$1" ]
}

# Some processes at once, one of them slowly; then nothing, and in the end what is not told yet.
# shellcheck disable=SC2016 # it is expanded by bash
slowly='for ((i = 0; i < 24; i++)); do : </dev/full; sleep 0.1; done'
trace_begin sums trace --record "$work/sums.rec" deny,lifecycle $top/d
inside bash -c "$slowly" &
slow=$!
inside "$opener" 2000 never:/dev/full &
inside "$opener" 2000 never:/dev/zero
wait $! $slow
until_true sums 5
ok $? "a sum is told when nothing more happens"
inside "$opener" 2000 never:/dev/full
kill -TERM $tracer
trace_ended sums
live=$out
# bash looks for a terminal, too
more=$(grep ' c 1:' <<<"$live" | grep -o '[0-9,]* more like it' | tr -dc '0-9\n' | paste -s -d +)
is "$((more + $(grep ' c 1:' <<<"$live" | grep -v -c ' more like it: ')))" 6024 "no denial is left out of the sums"
for option in "" "--realtime" "--speed 3"; do
	# shellcheck disable=SC2086 # two words, or none
	run_it "$cgward" replay $option "$work/sums.rec"
	is "$out" "$live" "they are replayed as they were live${option:+, $option}"
done
is "$("$cgward" replay --kinds deny "$work/sums.rec")" "$(grep deny <<<"$live")" "also without what was between"
is "$("$cgward" replay --json "$work/sums.rec" | grep -c '"major":1,')" 6024 "as JSON each is replayed"
trace_begin summary --json trace --summary --count 2000 --record "$work/summary.rec" deny $top/d
inside "$opener" 2000 never:/dev/full
trace_ended summary
like "$out" '"more":[0-9]+\}$' "unless --summary was given"
is "$("$cgward" --json replay --summary "$work/summary.rec")" "$out" "and is again"

# --- wrong usage, and files ---

refuses 2 "--force goes with --record" "--force alone" "$cgward" trace --force lifecycle
refuses 2 "'0' is no speed" "no speed" "$cgward" replay --speed 0 "$work/json.rec"
refuses 2 "'x' is no speed" "a speed that is none" "$cgward" replay --speed x "$work/json.rec"
refuses 2 "'freez' is no kind of event" "a kind that is none" \
	"$cgward" replay --kinds freez "$work/json.rec"
refuses 1 "cannot open '$work/none'" "a file that is not there" "$cgward" replay "$work/none"
refuses 2 "live_record.sh: this is no recording of cgward" "a file that is no recording" \
	"$cgward" replay "$0"
old=$(md5sum <"$work/json.rec")
run_it "$cgward" -q trace --duration 0s --record "$work/json.rec" lifecycle
is "$status:$out" "1:" "a file is not replaced unasked"
like "$err" "^cgward: cannot record to '$work/json.rec': File exists" "but named"
is "$(md5sum <"$work/json.rec")" "$old" "and left as it was"
settle
run_it "$cgward" -q trace --duration 1ms --force --record "$work/json.rec" lifecycle $top
is "$status:$out:$err" "0::" "--force replaces it, -q prints nothing"
is "$("$cgward" replay "$work/json.rec")" "" "a recording without events is whole"
run_it "$cgward" -q trace --duration 1ms --force --record /dev/null lifecycle
is "$status" 1 "a device is not replaced"
run_it "$cgward" -q trace --duration 1ms --record "$work/none/x" lifecycle
like "$err" "cannot record to '$work/none/x': No such file or directory" "a directory that is not there"

# --- time ---

settle
trace_begin time trace --record "$work/time.rec" --count 2 lifecycle $top
mkdir "$mount$top/a/x"
sleep 0.2
rmdir "$mount$top/a/x"
trace_ended time
for option in --realtime "--speed 0.5" "--speed 1000000"; do
	begun=${EPOCHREALTIME/[.,]/}
	# shellcheck disable=SC2086 # two words
	run_it "$cgward" replay $option "$work/time.rec"
	took=$(((${EPOCHREALTIME/[.,]/} - begun) / 1000))
	is "$out" "$(cat "$work/time")" "$option prints the same"
	case $option in
	--realtime) [ $took -ge 200 ] ;;
	*0.5) [ $took -ge 400 ] ;;
	esac
	ok $? "and takes its time"
done

# --- how it ends ---

trace_begin term trace --record "$work/term.rec" lifecycle $top
churn 100
kill -TERM $tracer
trace_ended term
is "$status" 0 "SIGTERM ends a recording"
is "$("$cgward" replay --kinds lifecycle.created,lifecycle.removed "$work/term.rec" | wc -l)" 200 \
	"with everything that happened before"

trace_begin killed trace --record "$work/killed.rec" lifecycle $top
churn 20
until_true has 20 "$work/killed"
kill -KILL $tracer
trace_ended killed
live=$out n=$(wc -l <<<"$out") size=$(stat -c %s "$work/killed.rec")
run_it "$cgward" replay "$work/killed.rec"
is "$status" 1 "a recorder that was killed leaves a recording without an end"
like "$err" "killed.rec: the recording is cut after [0-9]+ events at byte $size\$" "that is said to be cut"
is "$(head -n "$n" <<<"$out")" "$live" "and has all that was printed"
whole=$out # perhaps more: it was killed between the one and the other
head -c $((size - 1)) "$work/killed.rec" >"$work/cut.rec"
run_it "$cgward" replay "$work/cut.rec"
like "$status:$err" "^1:.*cut after [0-9]+ events at byte $((size - 1))\$" "one that was cut"
is "$out" "$(head -n "$(wc -l <<<"$out")" <<<"$whole")" "is read up to there"
{ head -c $((size - 20)) "$work/killed.rec" && echo "xxxxxxxxxxxxxxxxxxx"; } >"$work/altered.rec"
run_it "$cgward" replay "$work/altered.rec"
like "$status:$err" "^1:.*altered.rec: the recording is altered at byte [0-9]+\$" "one that was altered"
run_it "$cgward" --json replay "$work/altered.rec"
like "$err" '^\{"error":\{"code":"EBADMSG","message":".*altered at byte [0-9]+","hint":null\}\}$' \
	"says so as JSON"

# A disk so small that it is full at once, of our own.
mkdir "$work/disk"
# shellcheck disable=SC2016
unshare -m sh -c 'mount -t tmpfs -o size=16k none "$1/disk" && shift && exec "$@"' - "$work" \
	"$cgward" trace --record "$work/disk/rec" lifecycle $top >"$work/full" 2>"$work/full.err" &
tracer=$!
until_true grep -q -e 'ing; Ctrl-C' -e 'unshare' "$work/full.err"
if grep -q 'unshare\|mount' "$work/full.err"; then
	skip "a full disk" "$(tail -n 1 "$work/full.err")"
	tracer=''
else
	churn 100
	trace_ended full
	is "$status:$err" "1:cgward: cannot write the recording: No space left on device" \
		"a full disk ends the trace with status 1"
fi

# --- in the background ---

refuses 2 "too few arguments" "start needs a name and tracers" "$cgward" trace start $name
refuses 2 "'../x' is no name" "a name is no path" "$cgward" trace start ../x lifecycle
refuses 2 "'.x' is no name" "and not hidden" "$cgward" trace stop .x
refuses 2 "'lifecycles' is no tracer" "a tracer that is none" "$cgward" trace start $name lifecycles
refuses 1 "no such group: '$top/b'" "a group that is not there" "$cgward" trace start $name freeze $top/b
is "$("$cgward" trace list | grep $name)" "" "a trace that did not start is not listed"
refuses 1 "there is no trace '$name'" "nor can it be stopped" "$cgward" trace stop $name

# start ARG...: in the background; sets pid
start() {
	out=$("$cgward" -q trace start "$@")
	status=$?
	pid=$(sed -n 's/.*(pid \([0-9]*\))$/\1/p' <<<"$out")
}

for try in 1 2 3; do
	start $name --record "$work/start$try.rec" lifecycle $top
	churn 5
	run_it "$cgward" trace stop $name
	is "$status:$err:$out" "0::$name: $("$cgward" replay "$work/start$try.rec" | wc -l) events, 0 lost, in $work/start$try.rec" \
		"stop says what there is, try $try"
	is "$("$cgward" replay --kinds lifecycle.created,lifecycle.removed "$work/start$try.rec" | wc -l)" 10 \
		"and nothing is missed that happened in between"
done

cd "$work" || exit
cgward=$(realpath "$OLDPWD/$cgward" 2>/dev/null || realpath "$cgward")
settle
start $name --record start.rec freeze,lifecycle $top
is "$status:$out" "0:$name: recording to $work/start.rec (pid $pid)" "start says where to and by whom"
refuses 1 "the trace '$name' runs already \(pid $pid\)" "a name is taken once" \
	"$cgward" -q trace start $name --record "$work/other.rec" lifecycle
ok "$([ ! -e "$work/other.rec" ]; echo $?)" "and nothing is made for the second"
run_it "$cgward" trace list
like "$out" "^$name +running +$pid  20.*Z  freeze,lifecycle  $work/start.rec\$" "list has it"
run_it "$cgward" trace list --json
like "$out" "^\\{\"name\":\"$name\",\"state\":\"running\",\"pid\":$pid,\"since\":\"20.*Z\",\"tracers\":\"freeze,lifecycle\",\"file\":\"$work/start.rec\"\\}\$" \
	"as JSON too"
is "$(readlink "/proc/$pid/cwd")" / "it keeps no directory busy"
is "$(readlink "/proc/$pid/fd/1")" /dev/null "and no terminal"
run_it setpriv --reuid 65534 --regid 65534 --clear-groups "$cgward" trace stop $name
like "$status:$err" "^1:cgward: cannot open /run/cgward: Permission denied\$" "another user cannot end it"
run_it "$cgward" --json trace stop $name
is "$status:$out" "0:{\"name\":\"$name\",\"events\":0,\"lost\":0,\"file\":\"$work/start.rec\"}" \
	"stop --json"
gone "$pid" 2>/dev/null
ok $? "the process is gone"

start $name --record "$work/kill.rec" lifecycle $top
churn 3
until_true larger "$work/kill.rec" 500
kill -KILL "$pid"
until_true listed killed
like "$("$cgward" trace list | grep $name)" "killed +0 " "a recorder that was killed is listed as such"
refuses 1 "the trace '$name' was killed; '$work/kill.rec' has what it had written" "stop says so" \
	"$cgward" trace stop $name
run_it "$cgward" replay "$work/kill.rec"
like "$status:$err" "^1:.*cut after [0-9]+ events" "and its recording is there"

settle
start $name --duration 1ms --record "$work/self.rec" lifecycle $top
until_true listed ended
succeeds "one that ended by itself is stopped all the same" "$cgward" trace stop $name
like "$out" "^$name: 0 events, 0 lost, in $work/self.rec\$" "and says what there is"

(
	ulimit -f 4
	"$cgward" -q trace start $name --record "$work/limit.rec" lifecycle $top >"$work/limit"
)
churn 100
until_true listed failed
refuses 1 "the trace '$name' had ended: cannot write the recording: File too large" \
	"what ended it is told when it is stopped" "$cgward" trace stop $name

start $name lifecycle $top
is "$out" "$name: recording to /run/cgward/$name.rec (pid $pid)" "without --record there is a usual place"
succeeds "that is stopped too" "$cgward" trace stop $name
rm -f /run/cgward/$name.rec
is "$("$cgward" trace list | grep $name)" "" "nothing is left"

# shellcheck disable=SC2016
run_it unshare -m sh -c 'mount -t tmpfs none /run && mkdir -m 755 /run/cgward && exec "$@"' - \
	"$cgward" -q trace start $name --record "$work/mode.rec" lifecycle
like "$status:$err" "^1:cgward: /run/cgward does not belong to root alone" \
	"a directory that others may read is not used"
done_testing
