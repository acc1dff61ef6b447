#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# Tests of scripts/tap-run: what it counts, what it reports, and that it leaves no process.
set -u

runner=$(dirname "$(realpath "$0")")/../scripts/tap-run
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
mkdir bin
PATH=$tmp/bin:$PATH
number=0

# program NAME: make the test program NAME from stdin
program() {
	{ echo '#!/bin/bash' && cat; } >"$1"
	chmod +x "$1"
}

# runs STATUS P F S ARG...: run tap-run with ARGs into the file log, and compare
runs() {
	local want_status=$1 want="$2 $3 $4" line="# self: $2 passed, $3 failed, $4 skipped" status
	shift 4
	rm -f totals started
	TAP_TOTALS=totals CGW_RESIDUE=${residue-} "$runner" -n self "$@" >log 2>&1
	status=$?
	[ $status = "$want_status" ] && [ "$(cat totals)" = "$want" ] && [ "$(tail -n 1 log)" = "$line" ]
}

# gone: the processes listed in the file started end, reaped or not
gone() {
	local try pid pids
	read -r -a pids <started
	for try in {1..600}; do
		for pid in "${pids[@]}"; do
			grep -q '^State:.[^ZX]' "/proc/$pid/status" 2>/dev/null && sleep 0.05 && continue 2
		done
		return 0
	done
	echo "after $try looks one of these is still there: ${pids[*]}" >>log
	return 1
}

# killed: tap-run told to terminate does so, and its program with it
killed() {
	rm -f started
	"$runner" ./slow >log 2>&1 &
	until [ -s started ]; do sleep 0.1; done
	kill $!
	wait $!
	[ $? = 143 ] && gone
}

usage() {
	"$runner" -n self >log 2>&1
	[ $? = 2 ]
}

# check NAME COMMAND...: a test that passes when COMMAND does
check() {
	local name=$1
	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		sed 's/^/# /' log
	fi
}

program dmesg <<<'cat kernel.log 2>/dev/null; true'
mv dmesg bin
# The time limit of ./slow, which on a busy machine may not have begun when it is over.
program sleep <<'E0'
if [ "$1" = 1.5 ]; then
	until [ -s started ]; do /bin/sleep 0.1; done
fi
exec /bin/sleep "$@"
E0
mv sleep bin
program good <<<'echo TAP version 13; echo 1..2; echo ok 1 - a; echo ok 2 - b'
program bad <<<'echo 1..2; echo ok 1 - a; echo not ok 2 - b; exit 1'
program skip_one <<<'echo 1..2; echo ok 1 - a; echo "ok 2 - b # SKIP no root"'
program skip_all <<<'echo "1..0 # SKIP no cgroup2"; exit 4'
program short <<<'echo 1..3; echo ok 1 - a'
program no_plan <<<'echo ok 1 - a'
program signals <<<'echo 1..1; trap "echo ok 1 - a; exit" INT; kill -INT $$'
program empty <<<'echo 1..0'
program status_3 <<<'echo 1..1; echo ok 1 - a; exit 3'
program status_1 <<<'echo 1..1; echo ok 1 - a; exit 1'
program crash <<<'echo 1..1; echo ok 1 - a; kill -SEGV $$'
program slow <<<'echo 1..2; echo ok 1 - a; setsid sleep 98 & echo $! $$ >started; sleep 99'
program leaves <<<'echo 1..1; sleep 97 & echo $! >started; echo ok 1 - a'
program shouts <<<'echo 1..1; echo "BUG: of $$" >&2; echo ok 1 - a'
program oops <<<'echo 1..1; echo "[1.5] BUG: unable to handle page fault" >>kernel.log; echo ok 1 - a'
program litter <<<'echo 1..1; touch litter.txt; echo ok 1 - a'
program residue <<'E1'
ls *.txt 2>/dev/null | { [ $# = 0 ] && cat || grep -vxFf "$2"; } && exit 1
exit 0
E1
echo 'echo 1..1; echo ok 1 - a' >shell.sh

echo "TAP version 13"
echo "1..23"
check "counts what passed" runs 0 2 0 0 ./good
check "indents the programs' lines" grep -qx '    ok 2 - b' log
check "counts what failed" runs 1 1 1 0 ./bad
check "counts the SKIP directive" runs 0 1 0 1 ./skip_one
check "counts a skipped program once" runs 0 0 0 1 ./skip_all
check "a wrong plan fails" runs 1 1 1 0 ./short
check "no plan fails" runs 1 1 1 0 ./no_plan
check "an empty plan without reason fails" runs 1 0 1 0 ./empty
check "another exit status fails" runs 1 1 1 0 ./status_3
check "exit status 1 without a failed test fails" runs 1 1 1 0 ./status_1
check "death by signal fails" runs 1 1 1 0 ./crash
check "it names program and signal" grep -q '^not ok 1 - ./crash .*, killed by signal 11$' log
check "a missing program fails" runs 1 0 1 0 ./none
check "the time limit fails" runs 1 1 1 0 -t 1.5 ./slow
check "the time limit leaves no process, in other sessions neither" gone
check "processes left behind fail" runs 1 1 1 0 ./leaves
check "processes left behind are killed" gone
check "new kernel complaints fail once, standard error does not" runs 1 4 1 0 ./shouts ./oops ./good
residue=./residue
touch old.txt
check "things left behind fail once, older ones do not" runs 1 6 1 0 ./good ./litter shell.sh ./good
check "programs do not ignore SIGINT" runs 0 1 0 0 ./signals
check "several programs add up" runs 1 4 2 2 ./good ./bad ./skip_one ./skip_all ./none
check "a killed runner ends its program" killed
check "no program is wrong usage" usage
