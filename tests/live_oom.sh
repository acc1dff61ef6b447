#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# OOM kills by the command: trace oom, explain oom, and what run and wait say.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}

top=/cgwtest-$$-oom
live_begin

# eat GROUP [FIFO]: in it, somebody takes memory until it is killed, once FIFO can be read
eat() {
	(
		sh -c "echo \$\$ >'$mount$1/cgroup.procs'; read -r _; exec tail /dev/zero"
		true # the shell says "Killed"
	) 2>/dev/null <"${2:-/dev/null}"
}

# json FILE KEY: the value of that key, a number or a string
json() {
	sed -n "s/.*\"$2\":\(\"[^\"]*\"\|[^,}]*\).*/\1/p" "$1"
}

# --- what can be said without any kill ---

refuses 2 "too few arguments" "explain oom needs a group" "$cgward" explain oom
refuses 2 "bad group path" "a bad path is wrong usage" "$cgward" explain oom /a/../b
"$cgward" create $top/quiet
if dmesg >/dev/null 2>&1; then
	succeeds "explain oom of a group in which nobody was killed" "$cgward" explain oom $top/quiet
	like "$out" "^$top/quiet: nobody was killed for want of memory, as far as memory.events and the kernel's log are known$" \
		"says so, and how it knows"
	succeeds "explain oom of a group that is not there" "$cgward" explain oom $top/none
	like "$out" "^$top/none: nobody was killed for want of memory, as far as the kernel's log is known$" \
		"says so too"
	run_it "$cgward" --json explain oom $top-none
	# the log may have kills of before, of groups that it does not tell
	pattern="^\{\"path\":\"$top-none\",\"exists\":false,\"oom_kill\":0,\"log\":null,\"scope\":null,\"limit\":null,"
	pattern+='"advice":(null|".*"),"kills":\[\],"kills_without_group":[0-9]+,"levels":\[\]\}$'
	like "$out" "$pattern" "--json has all keys"
else
	skip "explain oom from the log" "the kernel's log cannot be read"
fi
if [ "$(cat /proc/sys/kernel/dmesg_restrict)" = 1 ]; then
	run_it setpriv --reuid 65534 --regid 65534 --clear-groups "$cgward" explain oom $top/none
	like "$out" "^cannot read the kernel's log, as kernel.dmesg_restrict asks: be root, or have CAP_SYSLOG$" \
		"without privilege it is told what is missing"
	like "$out" "^to see the next one, with whose limit it is: cgward trace oom$" "and what works instead"
else
	skip "without privilege it is told what is missing" "kernel.dmesg_restrict is 0"
fi

run_it "$cgward" doctor
like "$out" "^trace_oom +works +tp_btf/mark_victim, " "doctor has armed the tracer"

if ! grep -qw memory "$mount/cgroup.controllers"; then
	skip "kills" "controller memory is not in cgroup2: $(cat "$mount/cgroup.controllers")"
	done_testing
	exit
fi

# --- trace ---

"$cgward" create -s memory.max=20M -s memory.swap.max=0 $top/limit
"$cgward" create -s memory.oom.group=0 $top/limit/victim
trace_begin text trace oom --count 1 $top
first=$tracer
trace_begin json --json trace oom --count 1 $top/limit
eat $top/limit/victim
wait $tracer $first
out=$(cat "$work/text")
like "$out" "  oom.kill +$top/limit/victim  killed tail \\(pid [0-9]+, uid 0\\), at the limit of $top/limit \\(memory.max 20.0M\\); it had [0-9.]+M anonymous.*; OOM 1$" \
	"trace oom tells victim, limit and sizes in a sentence"
like "$out" "^    $top/limit/victim +[0-9.]+M +max +max +[0-9.]+M +0B +max +0 +1$" \
	"and the groups: the victim's, which has no limit"
like "$out" "^    $top/limit +[0-9.]+M +20.0M +max +20.0M +0B +0B +1 +0  its limit$" "and the one with the limit"
out=$(cat "$work/json")
like "$out" "^\\{\"event\":\"oom.kill\",\"time\":\"[^\"]*Z\",\"mono_ns\":[0-9]+,\"path\":\"$top/limit/victim\",\"id\":[0-9]+,\"pid\":[0-9]+,\"tid\":[0-9]+,\"uid\":0,\"comm\":\"tail\",\"source\":\"(fentry|tp_btf)\",\"oom\":1,\"member\":1,\"scope\":\"memcg\",\"limit\":\"$top/limit\",\"oom_group\":null,\"victim\":\\{\"pid\":[0-9]+,.*\"comm\":\"tail\",\"oom_score_adj\":0," \
	"--json has them as keys"
like "$out" "\"path\":\"$top/limit\",\"id\":[0-9]+,\"memory.current\":[0-9]+,\"memory.max\":20971520,\"memory.high\":\"max\",\"memory.peak\":20971520,\"memory.swap.current\":0,\"memory.swap.max\":0,\"memory.events.local\":\\{\"oom\":1,\"oom_kill\":0\\},\"memory.oom.group\":0,\"limit\":true\\}" \
	"numbers as numbers, no limit as \"max\""

# --- explain ---

succeeds "explain oom of the victim's group" "$cgward" explain oom $top/limit/victim
like "$out" "^$top/limit/victim: 1 process was killed for want of memory$" "counts it"
like "$out" "^  [0-9:]{8}  tail \\(pid [0-9]+, uid 0\\) of $top/limit/victim, at the limit of $top/limit; it had [0-9.]+M anonymous" \
	"says who and at whose limit"
like "$out" "^raise memory.max of $top/limit, which is 20.0M, or memory.swap.max, which is 0: cgward update $top/limit -s memory.max=SIZE$" \
	"and what to raise"
run_it "$cgward" --json explain oom $top/limit
echo "$out" >"$work/explained"
like "$out" "^\\{\"path\":\"$top/limit\",\"exists\":true,\"oom_kill\":1,\"log\":null,\"scope\":\"memcg\",\"limit\":\"$top/limit\"," \
	"explain oom of the group above finds it too"
for key in total_vm anon_rss file_rss shmem_rss pgtables; do
	is "$(json "$work/json" $key)" "$(json "$work/explained" $key)" "the tracer's $key is that of the kernel's log"
done
"$cgward" create -s memory.max=20M -s memory.swap.max=0 -s memory.oom.group=1 $top/whole
"$cgward" run --detach --group $top/whole/sleeper -- sleep 1000 >/dev/null
"$cgward" create -s memory.oom.group=0 $top/whole/victim
eat $top/whole/victim
until_true grep -qx "populated 0" "$mount$top/whole/sleeper/cgroup.events"
succeeds "explain oom of a group that was killed as one" "$cgward" explain oom $top/whole
like "$out" "^$top/whole: [23] processes were killed for want of memory$" "counts all of them"
like "$out" "sleep \\(pid [0-9]+, uid 0\\) of $top/whole, at the limit of $top/whole, killed with all of $top/whole; " \
	"and names the group"
"$cgward" delete --recursive $top/limit
succeeds "explain oom of a group that is gone" "$cgward" explain oom $top/limit/victim
like "$out" "^$top/limit/victim: 1 process was killed for want of memory; the group is gone$" "still knows"
like "$out" "^$top/limit is gone; give it a higher memory.max when it is made again$" "and what to do"

# --- run and wait ---

run_it "$cgward" run --group $top/run -s memory.max=20M -s memory.swap.max=0 -- tail /dev/zero
is "$status" 137 "run gives the status of a command that was killed"
like "$err" "the command was killed, out of memory in '$top/run': memory.events has oom_kill 1$" "says that it was"
like "$err" "^cgward:   tail \\(pid [0-9]+, uid 0\\) of $top/run, at the limit of $top/run; it had [0-9.]+M anonymous" \
	"and at whose limit, with sizes"
"$cgward" create -s memory.max=20M -s memory.swap.max=0 $top/above
run_it "$cgward" run --group $top/above/run -s memory.oom.group=0 -- tail /dev/zero
like "$err" "of $top/above/run, at the limit of $top/above; " "run: a limit above is named"
run_it "$cgward" run --group $top/fine -s memory.max=20M -- true
is "$status:$err" "0:" "run says nothing when nobody was killed"
"$cgward" create -s memory.max=20M -s memory.swap.max=0 $top/waited
eat $top/waited # before the wait: not its business
mkfifo "$work/go"
eat $top/waited "$work/go" &
exec 3>"$work/go"
until_true grep -qx "populated 1" "$mount$top/waited/cgroup.events"
"$cgward" wait $top/waited 2>"$work/waited.err" &
waiter=$!
# shellcheck disable=SC2317 # run by until_true
waits() {
	local fd
	for fd in "/proc/$waiter/fd"/*; do
		case $(readlink "$fd") in
		*/waited/cgroup.events) return 0 ;;
		esac
	done
	return 1
}
until_true waits
echo >&3
wait $waiter
like "$(cat "$work/waited.err")" "^cgward: 1 killed, out of memory, in '$top/waited' meanwhile$" "wait tells what it saw"
is "$(grep -c 'at the limit of' "$work/waited.err")" 1 "and only that"
succeeds "wait has nothing to tell of what was before" "$cgward" wait $top/waited
done_testing
