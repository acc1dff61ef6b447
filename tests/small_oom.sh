#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# All memory of a small guest is used up: no group's limit did it.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}
mount=/sys/fs/cgroup

echo "TAP version 13"
if [ "$(id -u)" != 0 ] || [ "$(hostname)" != cgward ] || [ ! -e $mount/cgroup.controllers ]; then
	echo "1..0 # SKIP needs a guest of scripts/vm: it uses up the machine's memory"
	exit 4
fi

top=/cgwtest-$$-global
work=$(mktemp -d)
# shellcheck disable=SC2317 # run by trap
cleanup() {
	# a child that is told to end before it has become another program runs this, too
	[ "$BASHPID" = $$ ] || return 0
	"$cgward" -q delete --recursive --kill $top 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# the one that takes all is the first to go
"$cgward" create -s memory.max=max $top
"$cgward" --json trace oom --count 1 $top >"$work/json" 2>"$work/err" &
tracer=$!
until_true grep -q tracing "$work/err"
run_it "$cgward" run --group $top/hog -s memory.high=max -- \
	sh -c 'echo 1000 >/proc/self/oom_score_adj; exec tail /dev/zero'
wait $tracer
is "$status" 137 "the hog was killed"
like "$err" "^cgward:   tail \\(pid [0-9]+, uid 0, oom_score_adj 1000\\) of $top/hog, no group's limit: the machine had no memory left; it had [0-9.]+M anonymous" \
	"run says that it was no group's limit"
out=$(cat "$work/json")
like "$out" "\"path\":\"$top/hog\",.*\"scope\":\"global\",\"limit\":null,\"oom_group\":null,\"victim\":\\{\"pid\":[0-9]+,.*\"comm\":\"tail\",\"oom_score_adj\":1000," \
	"so does the tracer"
succeeds "explain oom of the hog's group" "$cgward" explain oom $top/hog
like "$out" "no group's limit: the machine had no memory left" "says so"
like "$out" "^the machine needs more memory or swap, or limits for what else uses it" "and what helps"
done_testing
