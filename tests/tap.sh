# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# TAP for tests in shell: sourced, then is, like, succeeds, refuses, passes; ends with done_testing.
# shellcheck shell=bash

tap_number=0
tap_failed=0

# ok CONDITION-STATUS NAME
ok() {
	tap_number=$((tap_number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_number - $2"
	else
		echo "not ok $tap_number - $2"
		tap_failed=$((tap_failed + 1))
	fi
}

skip() {
	tap_number=$((tap_number + 1))
	echo "ok $tap_number - $1 # SKIP $2"
}

# is GOT EXPECTED NAME
is() {
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		ok 1 "$3"
		printf '%s\n' "     got: $1" "expected: $2" | sed 's/^/# /'
	fi
}

# like GOT PATTERN NAME, the pattern an extended regular expression
like() {
	if grep -Eq -- "$2" <<<"$1"; then
		ok 0 "$3"
	else
		ok 1 "$3"
		printf '%s\n' "     got: $1" "no match: $2" | sed 's/^/# /'
	fi
}

# run_it COMMAND...: sets out, err and status
run_it() {
	local errors
	errors=$(mktemp)
	status=0
	out=$("$@" 2>"$errors") || status=$?
	err=$(grep -v 'warning: no bpffs' "$errors" || true)
	rm -f "$errors"
}

# succeeds NAME COMMAND...: exit status 0 and nothing on stderr
succeeds() {
	local name=$1
	shift
	run_it "$@"
	is "$status:$err" "0:" "$name"
}

# refuses STATUS PATTERN NAME COMMAND...: that status, one message, nothing on stdout
refuses() {
	local want=$1 pattern=$2 name=$3
	shift 3
	run_it "$@"
	if [ "$status" = "$want" ] && [ -z "$out" ] && grep -Eq -- "$pattern" <<<"$err" &&
		[ "$(grep -c '^cgward: ' <<<"$err")" = 1 ] && [ "$(wc -l <<<"$err")" -le 2 ]; then
		ok 0 "$name"
	else
		ok 1 "$name"
		printf '%s\n' "status: $status, expected $want" "stdout: $out" "stderr: $err" \
			"pattern: $pattern" | sed 's/^/# /'
	fi
}

# passes NAME COMMAND...: ok when COMMAND does; status 4: skip, the reason being its last line
passes() {
	local name=$1 status=0 log
	shift
	log=$("$@" 2>&1) || status=$?
	if [ $status = 4 ]; then
		skip "$name" "${log##*$'\n'}"
		return
	fi
	ok $status "$name"
	[ $status = 0 ] || tail -n 20 <<<"$log" | sed 's/^/# /'
}

# until_true COMMAND...: at most 60 s, longer than anything takes on a busy machine
until_true() {
	local end=$((SECONDS + 60))
	while [ $SECONDS -lt $end ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.02
	done
	echo "# still not after 60 s: $*"
	return 1
}

# gone PID: it has ended, reaped or not
gone() {
	! grep -q '^State:.[^ZX]' "/proc/$1/status"
}

# start_sleeper: a sleep of that name, not the shell that is about to be one; sets sleeper
start_sleeper() {
	sleep 1000 &
	sleeper=$!
	until_true grep -qx sleep "/proc/$sleeper/comm"
}

# For tests of real groups: ends the test where there can be none. Sets mount, and work, a
# directory; that and the group $top are removed in the end.
live_begin() {
	echo "TAP version 13"
	if [ "$(id -u)" != 0 ]; then
		echo "1..0 # SKIP not root"
		exit 4
	fi
	mount=$(sed -n 's/^[0-9]* [0-9]* [^ ]* \/ \([^ ]*\) .* - cgroup2 .*/\1/p' /proc/self/mountinfo |
		head -n 1)
	if [ -z "$mount" ]; then
		echo "1..0 # SKIP no cgroup2 is mounted"
		exit 4
	fi
	work=$(mktemp -d)
	trap live_end EXIT
	trap 'exit 1' INT TERM HUP
}

# shellcheck disable=SC2317 # run by trap
live_end() {
	# a child that is told to end before it has become another program runs this, too
	[ "$BASHPID" = $$ ] || return 0
	"${cgward:?}" -q delete --recursive --kill "${top:?}" 2>/dev/null
	rm -rf "$work"
}

# trace_begin NAME ARG...: cgward trace in the background, armed before this returns
trace_begin() {
	local name=$1
	shift
	"${cgward:?}" "$@" >"$work/$name" 2>"$work/$name.err" &
	tracer=$!
	until_true grep -q 'ing; Ctrl-C' "$work/$name.err" || cat "$work/$name.err"
}

# trace_ended NAME: waits for what trace_begin started; sets status, out and err
# shellcheck disable=SC2034 # for the caller
trace_ended() {
	status=0
	wait "$tracer" || status=$?
	tracer=''
	out=$(cat "$work/$1") err=$(grep -v -e 'ing; Ctrl-C' -e 'not told:' "$work/$1.err")
}

done_testing() {
	echo "1..$tap_number"
	[ "$tap_failed" = 0 ]
}
