#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# Scopes and slices of systemd: what it was asked for, what the kernel has, what a failure leaves.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}
opener=${CGW_TESTS:-build/tests}/opener
mount=/sys/fs/cgroup

echo "TAP version 13"
if [ "$(id -u)" != 0 ] || [ ! -d /run/systemd/system ] || [ ! -e $mount/cgroup.controllers ]; then
	echo "1..0 # SKIP needs root, systemd and cgroup2 alone"
	exit 4
fi

name=cgwtest$$
work=$(mktemp -d)
# shellcheck disable=SC2317 # run by trap
cleanup() {
	local unit
	# a child that is told to end before it has become another program runs this, too
	[ "$BASHPID" = $$ ] || return 0
	for unit in $(systemctl list-units --all --plain --no-legend "$name*" | cut -d ' ' -f 1); do
		systemctl kill --signal KILL "$unit"
		systemctl stop "$unit"
	done
	[ ! -d "$work/runtime" ] || systemctl stop user@0.service user-0.slice
	rm -rf "$work" /run/systemd/system/user@0.service.d
} 2>/dev/null
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

group_of() {
	sed -n 's/^0:://p' "/proc/$1/cgroup"
}
home=$(group_of $$)

# sleeper: starts a process in the test's own group; sets pid
sleeper() {
	sleep 1000 &
	pid=$!
}

property() {
	systemctl show "$1" --property "$2" --value
}

# failed UNIT: systemd says so
# shellcheck disable=SC2317 # run by until_true
failed() {
	[ "$(property "$1" ActiveState)" = failed ]
}

# gone UNIT: neither systemd nor the kernel has it
gone() {
	is "$(property "$1" LoadState):$(find $mount -name "$1")" not-found: "$1: nothing is left of it"
}

run_it "$cgward" doctor
like "$out" '^systemd +works +version [0-9]+.*, by the system bus' "doctor: systemd answers"

# --- a scope with a process ---

unit=$name-a.scope slice=/system.slice
sleeper
# a value, its file, systemd's property, what is in each; the CPU is for systemd, not for openers
values='memory.min=1M memory.min MemoryMin 1048576 1048576
memory.low=2M memory.low MemoryLow 2097152 2097152
memory.high=60M memory.high MemoryHigh 62914560 62914560
memory.max=64M memory.max MemoryMax 67108864 67108864
memory.swap.max=0 memory.swap.max MemorySwapMax 0 0
cpu.weight=5 cpu.weight CPUWeight 5 5
cpu.max=10% cpu.max CPUQuotaPerSecUSec 10000@100000 100ms
pids.max=max pids.max TasksMax max infinity
io.weight=200 io.weight IOWeight default@200 200
cpuset.cpus=0 cpuset.cpus AllowedCPUs 0 0
cpuset.mems=0 cpuset.mems AllowedMemoryNodes 0 0'
settings=()
while read -r setting _; do
	settings+=(-s "$setting")
done <<<"$values"

# has_values FIELD NAME: the files of the unit (4), and what systemd says (5)
has_values() {
	local file property want said
	while read -r _ file property want said; do
		is "$(cat "$mount$slice/$unit/$file")" "${want//@/ }" "$file $1"
		[ -n "${2-}" ] || is "$(property "$unit" "$property")" "$said" "$property $1"
	done <<<"$values"
}

run_it "$cgward" scope start "${unit%.scope}" "$pid" "${settings[@]}" -s 'io.max=1:0 rbps=1M' \
	-s hugetlb.2MB.max=2M -s cpu.max.burst=10000 --description 'A web server' -d 'deny c 1:5 rw'
is "$status:$out:$err" "0:$slice/$unit:" "start: a scope for a process, and where it is"
is "$(group_of "$pid")" "$slice/$unit" "the process is inside"
is "$(property "$unit" Description),$(property "$unit" Slice),$(property "$unit" Delegate),$(
	property "$unit" CollectMode)" "A web server,system.slice,no,inactive-or-failed" "systemd knows what it is"
has_values "is what was asked for"
others() {
	cat "$mount$slice/$unit/"{io.max,hugetlb.2MB.max,cpu.max.burst}
}
before=$(others)
is "$before" "$(printf '1:0 rbps=1048576 wbps=max riops=max wiops=max\n2097152\n10000')" \
	"so are values that systemd has no property for"
like "$("$cgward" devices check $slice/"$unit" c 1:5 r)" '^deny ' "the device policy is on it"
# shellcheck disable=SC2016 # the inner shell expands it
(exec sh -c 'echo $$ >"$0" && exec "$@"' "$mount$slice/$unit/cgroup.procs" "$opener" - \
	always:/dev/null never:/dev/zero) >"$work/opens" &
opens=$!
until_true grep -q ready "$work/opens"
for verb in daemon-reload daemon-reexec; do
	succeeds "systemctl $verb" systemctl $verb
	has_values "after $verb" files
	is "$(others)" "$before" "and the others, after $verb"
done
systemctl set-property --runtime "$unit" CPUWeight=60
is "$(cat "$mount$slice/$unit/"{cpu.weight,memory.max,cpu.max})" "$(printf '60\n67108864\n10000 100000')" \
	"set-property changes one value and keeps the others"
kill -TERM $opens
wait $opens
is $? 0 "the device policy was in force at each open meanwhile"

run_it "$cgward" scope show "$name-a"
like "$out" "^state +active \(running\)$" "show: the state"
like "$out" "^path +$slice/$unit$" "show: the group"
like "$out" "^procs +$pid$" "show: the processes"
like "$out" "^MemoryMax +67108864$" "show: what systemd was asked for"
like "$out" "^devices +cgward$" "show: whose device policy it is"
run_it "$cgward" --json scope show "$unit"
like "$out" "^\{\"unit\":\"$unit\",\"description\":\"A web server\",.*\"state\":\"active\",.*\"procs\":\[$pid\]" "show --json"
like "$out" '"AllowedCPUs":"0","AllowedMemoryNodes":"0"' "show --json: a list of one CPU is a list too"
for verb in show stop; do
	refuses 1 "'$unit': it is in 'system.slice', not in '$name-x.slice'" "$verb: a triple of another slice" \
		"$cgward" scope $verb "$name-x.slice:${name}:a"
done
refuses 1 "cannot start '$unit': Unit $unit was already loaded" "start: a scope that exists is refused" \
	"$cgward" scope start "$unit" $$
like "$err" "hint: cgward scope stop $unit" "and says how to end it"
is "$(group_of $$):$(group_of "$pid")" "$home:$slice/$unit" "and nobody was moved"
succeeds "stop" "$cgward" scope stop "$unit"
gone "$unit"
refuses 1 "cannot stop '$unit': Unit $unit not loaded" "stop: a unit that is not there" "$cgward" scope stop "$unit"
refuses 1 "cannot look at '$unit': Unit $unit not loaded" "show: a unit that is not there" "$cgward" scope show "$unit"
wait "$pid" 2>/dev/null

# --- a scope with a command ---

unit=$name-b.scope
run_it "$cgward" scope start "$name-b" -s pids.max=77 -- sh -c "cat /proc/self/cgroup $mount$slice/$unit/pids.max; exit 7"
is "$status:$out" "$(printf '7:0::%s/%s\n77' $slice "$unit")" "start -- CMD: in the scope from the start, and its status"
run_it "$cgward" scope start "$name-b" -- sh -c 'kill -KILL $$'
is "$status" 137 "128+N for signal N"
refuses 127 "cannot execute 'no-such-command'" "127 for what is not there" "$cgward" scope start "$unit" -- no-such-command
refuses 126 "cannot execute '/etc/passwd'" "126 for what cannot be executed" "$cgward" scope start "$unit" -- /etc/passwd
refuses 125 "Invalid argument" "125 when cgward fails" "$cgward" scope start "$unit" -s memory.max=much -- true
refuses 125 "memory.nonsense" "also where the file is not there" "$cgward" scope start "$unit" -s memory.nonsense=1 -- true
refuses 125 "neither a scope nor a slice" "also for a wrong name" "$cgward" scope start "$name.service" -- no-such-command
"$cgward" scope start "$unit" -- sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.05; done' >"$work/up" &
runner=$!
until_true grep -q up "$work/up"
kill -TERM $runner
wait $runner
is $? 9 "signals are passed on"
until_true test ! -e "$mount$slice/$unit"
gone "$unit"

# what a cgward that dies leaves: a command that runs goes on, one that waits does not
"$cgward" scope start "$unit" -- sleep 1000 &
runner=$!
until_true sh -c "grep -q sleep /proc/\$(cat $mount$slice/$unit/cgroup.procs)/comm"
kill -KILL $runner
wait $runner 2>/dev/null
is "$(property "$unit" ActiveState)" active "SIGKILL to cgward: the command goes on in its scope"
succeeds "which stop ends" "$cgward" scope stop "$unit"
for wait_ms in 0 5 10 20 40 80; do
	"$cgward" scope start "$name-k$wait_ms" -- sh -c 'exit 0' 2>/dev/null &
	runner=$!
	sleep "$(printf '0.%03d' $wait_ms)"
	kill -KILL $runner
	wait $runner 2>/dev/null
done
killed() {
	systemctl list-units --all --plain --no-legend "$name-k*" | cut -d ' ' -f 1
}
nobody_in_killed() {
	local left

	for left in $(killed); do
		[ -z "$(cat "$mount$slice/$left/cgroup.procs" 2>/dev/null)" ] || return 1
	done
}
until_true nobody_in_killed
ok $? "SIGKILL to cgward at any time: no process is left"
# systemd keeps the scope of a process that was ending when it was to be moved: nothing tells it
for left in $(killed); do
	"$cgward" -q scope stop "$left" 2>/dev/null
done
none_killed() {
	[ -z "$(killed)" ]
}
until_true none_killed
ok $? "and no unit that cannot be stopped"

# --- slices ---

slice=/$name.slice/$name-x.slice/$name-x-y.slice
run_it "$cgward" scope start "$name-x-y.slice" -s memory.max=100M
is "$status:$out" "0:$slice" "a slice, in those that its name says"
is "$(property "$name-x-y.slice" MemoryMax):$(cat $mount$slice/memory.max)" 104857600:104857600 "with its limit"
for escaped in memory "$name-plain"; do
	run_it "$cgward" scope start $escaped.scope --slice "$name-x-y.slice" -- cat /proc/self/cgroup
	is "$out" "0::$slice/$([ $escaped != memory ] || echo _)$escaped.scope" "$escaped.scope: --slice is where it goes"
done
run_it "$cgward" scope start "$name-x-y.slice:docker:4f2a" -- cat /proc/self/cgroup
is "$out" "0::$slice/docker-4f2a.scope" "a triple names the same"
run_it "$cgward" scope start "$name-x-y.slice:any:$name-x-y-z.slice"
is "$status:$out" "0:$slice/$name-x-y-z.slice" "and a slice, when its name is one"
run_it "$cgward" scope show "$name-x-y.slice:any:$name-x-y-z.slice"
like "$status:$out" "^0:unit +$name-x-y-z.slice$" "show: a triple"
succeeds "stop: a triple" "$cgward" scope stop "$name-x-y.slice:any:$name-x-y-z.slice"
is "$(find $mount -name "$name-x-y-z.slice")" "" "its group is gone"
refuses 1 "cannot look at 'docker-none.scope': Unit .* not loaded" "stop: a triple that is not there" \
	"$cgward" scope stop "$name-x-y.slice:docker:none"
sleeper
run_it "$cgward" --json scope start --delegate --slice "$name-x-y.slice" "$name-d" "$pid"
like "$out" "^\{\"unit\":\"$name-d.scope\",\"path\":\"$slice/$name-d.scope\",\"id\":[0-9]+\}$" "start --json"
is "$(property "$name-d.scope" Delegate)" yes "--delegate"
succeeds "a group below what is delegated" "$cgward" create "$slice/$name-d.scope/below"
systemctl daemon-reload
[ -d "$mount$slice/$name-d.scope/below" ]
ok $? "systemd leaves it alone"
run_it "$cgward" scope show "$name-x-y.slice"
like "$out" "^procs +$pid$" "show: processes below a slice"
succeeds "stop of a slice" "$cgward" scope stop "$name-x-y.slice"
is "$(find $mount -path "*$name-x-y*")" "" "stop of a slice ends what is in it"
wait "$pid" 2>/dev/null
systemctl stop "$name.slice"

# --- names are refused before systemd is asked ---

refuses 2 "by its name it is in '-.slice'" "a slice in another" "$cgward" scope start --slice system.slice "$name.slice"
refuses 2 "a scope needs a process" "a scope without a process" "$cgward" scope start "$name"
refuses 2 "a slice has no processes" "a slice with one" "$cgward" scope start "$name.slice" $$
refuses 2 "neither a scope nor a slice" "a service" "$cgward" scope start "$name.service" $$
refuses 2 "systemctl stop cron.service" "stop of a service" "$cgward" scope stop cron.service
refuses 2 "bad triple" "a wrong triple" "$cgward" scope start "system.slice:$name" $$
refuses 125 "bad unit name" "a bad name, with a command" "$cgward" scope start "$name/x" -- true
is "$(group_of $$)" "$home" "nobody was moved"

# --- failures leave nothing ---

unit=$name-f.scope slice=/system.slice
(exit 0) &
dead=$!
wait $dead
refuses 1 "cannot start '$unit': no process $dead" "a dead process" "$cgward" scope start "$unit" $dead
gone "$unit"
sleeper
first=$pid
sleeper
for wrong in memory.max=much 'io.max=1:0 rbps=x' memory.nonsense=1; do
	refuses 1 "cannot set|no such file|memory.nonsense" "-s $wrong" "$cgward" scope start "$unit" "$first" "$pid" \
		-s pids.max=50 -s "$wrong"
	is "$(group_of "$first"):$(group_of "$pid")" "$home:$home" "-s $wrong: the processes are back, and alive"
	gone "$unit"
done
systemd-run --quiet --unit "$name-f" -p Type=exec false
until_true failed "$name-f.service"
"$cgward" scope show "$name-f.service" >"$work/failed"
like "$(cat "$work/failed")" "^state +failed" "show: a unit that failed"
like "$(cat "$work/failed")" "^path +-$" "which has no group"
systemctl reset-failed "$name-f.service"

# a scope that fails: what is in it outlives SIGTERM, and the time to stop is over
systemd-run --quiet --scope --unit "$unit" -p TimeoutStopSec=200ms sh -c 'trap "" TERM; while :; do sleep 1; done' &
until_true grep -q . "$mount$slice/$unit/cgroup.procs"
until_true systemctl stop "$unit"
until_true failed "$unit"
is "$(property "$unit" ActiveState)" failed "a failed scope has the name"
run_it "$cgward" scope start "$unit" "$pid"
is "$status:$(group_of "$pid")" "0:$slice/$unit" "start replaces it"
succeeds "stop" "$cgward" scope stop "$unit"
wait "$pid" 2>/dev/null

# shellcheck disable=SC2016 # the inner shell expands it
sh -c 'trap "" TERM; echo up; while :; do sleep 1; done' >"$work/deaf" &
pid=$!
until_true grep -q up "$work/deaf"
"$cgward" scope start "$unit" $pid >/dev/null
refuses 1 "cannot stop '$unit': it has not ended in time: .*$pid" "stop: a time-out names who is left" \
	"$cgward" scope stop --timeout 300ms "$unit"
like "$err" "hint: systemd goes on stopping it; cgward kill $slice/$unit" "and says what to do"
refuses 2 "systemd takes some time" "no time at all" "$cgward" scope stop --timeout 0 "$unit"
succeeds "kill ends it" "$cgward" kill $slice/"$unit"
wait $pid 2>/dev/null
until_true test ! -e "$mount$slice/$unit"
systemctl reset-failed "$unit" 2>/dev/null
gone "$unit"

# --- without privilege ---

as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all)
refuses 1 "cannot start '$unit': " "start by somebody else" "${as_nobody[@]}" "$cgward" scope start "$unit" "$first"
like "$err" "^hint: be root; --user is for units of your own" "is for root"
gone "$unit"
refuses 1 "cannot stop 'system.slice': " "stop too" "${as_nobody[@]}" "$cgward" scope stop system.slice
run_it "${as_nobody[@]}" "$cgward" -q scope show cgward.service
like "$status:$out" "^0:unit +cgward.service" "show is for everybody"

# --- without a bus daemon ---

systemctl stop dbus.socket dbus.service
run_it "$cgward" doctor
like "$out" '^systemd +works +version [0-9]+.*, by its own socket' "without a bus daemon, by systemd's own socket"
run_it "$cgward" scope start "$unit" -- cat /proc/self/cgroup
is "$status:$out" "0:0::$slice/$unit" "start -- CMD"
kill "$first"
systemctl start dbus.socket

# --- a user's manager ---

refuses 125 "your user manager of systemd: XDG_RUNTIME_DIR is not set" "--user without one" "$cgward" scope start --user "$name-u" -- true
# not the usual directory: what systemd mounts there does not come into this mount namespace
export XDG_RUNTIME_DIR=$work/runtime
mkdir -m 700 "$XDG_RUNTIME_DIR"
mkdir -p /run/systemd/system/user@0.service.d
printf '[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=%s\n' "$XDG_RUNTIME_DIR" \
	>/run/systemd/system/user@0.service.d/test.conf
systemctl daemon-reload
if systemctl start user@0.service; then
	manager=$(property user@0.service ControlGroup)
	sleeper
	run_it "$cgward" scope start --user "$name-u" "$pid" -s pids.max=66
	like "$status:$out:$err" "^0:$manager/.*$name-u.scope:$" "--user: a scope of the user's manager"
	is "$(group_of "$pid"):$(cat "$mount$out/pids.max")" "$out:66" "the process is inside, the limit set"
	run_it "$cgward" scope show --user "$name-u"
	like "$out" "^procs +$pid$" "show --user"
	refuses 1 "not loaded" "it is not one of the system's" "$cgward" scope show "$name-u"
	run_it "$cgward" scope start --user --slice "$name.slice" "$name-v" -- cat /proc/self/cgroup
	is "$out" "0::$manager/$name.slice/$name-v.scope" "start --user --slice -- CMD"
	succeeds "stop --user" "$cgward" scope stop --user "$name-u"
	systemctl --user stop "$name.slice"
	wait "$pid" 2>/dev/null
else
	skip "--user" "no user manager could be started"
fi
done_testing
