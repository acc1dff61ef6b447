#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# What bash offers at the end of a line that begins with cgward.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=$(realpath "${CGWARD:-build/cgward}")
completion=$(dirname "$0")/../user/cmd/cgward.bash

echo "TAP version 13"
if [ ! -r "$completion" ]; then # guests have the tests, not the sources
	echo "1..0 # SKIP no $completion"
	exit 4
fi
# shellcheck source=user/cmd/cgward.bash
. "$completion"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/web/api/{blue,green} "$tree"/web2 "$tree/system-a\\x2db.slice" "$tree/pod:1"
echo "cpu memory pids" >"$tree/cgroup.controllers"
echo "memory pids" >"$tree/web/cgroup.controllers"
echo "pids" >"$tree/web/cgroup.subtree_control"

# complete_words WORD...: prints, sorted and on one line, what is offered for the last WORD.
# Words are as readline gives them, cut at : and =, where a WORD "@x" belongs to the one before.
complete_words() {
	local word
	COMP_WORDS=("$cgward") COMP_LINE=$cgward
	for word; do
		case $word in
		@*) word=${word#@} ;;
		*) COMP_LINE+=' ' ;;
		esac
		COMP_WORDS+=("$word")
		COMP_LINE+=$word
	done
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_POINT=${#COMP_LINE}
	COMPREPLY=()
	_cgward
	printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | paste -s -d ' '
}

# offers EXPECTED WORD...
offers() {
	local expected=$1
	shift
	is "$(complete_words "$@")" "$expected" "cgward $*"
}

# in_tree EXPECTED WORD...: the same, with groups of the tree made above
in_tree() {
	local expected=$1
	shift
	is "$(complete_words --cgroup-root "$tree" "$@")" "$expected" "in a tree: cgward $*"
}

# --- names and options ---

all=$("$cgward" help --names | cut -f 1 | cut -d ' ' -f 1 | LC_ALL=C sort -u | paste -s -d ' ')
offers "$all" ''
offers "$all" help ''
offers "delegate delete devices diff doctor" d
offers "show start stop" scope ''
offers "events explain" e
offers "thaw" --json -v tha
offers "--cgroup-root" --cg
offers "allow check clear compile deny learn set show" devices ''
offers "set show" devices s
offers "set show" help devices s
offers "" help run ''
offers "" nonsense ''
offers "" 'run/;s' -
offers "--recursive" freeze --rec
offers "--help --recursive --timeout" freeze --
offers "--timeout" freeze /web --t
offers "--device --devices" run --dev
offers "--policy" devices set /web --pol
offers "-URG -USR1 -USR2" kill -U
offers "" kill /web -U

# --- values of options ---

offers "containerd ordered runc" run --semantics ''
offers "ordered" run --semantics '@=' '@o'
offers "none" wait --timeout n
offers "none" run --devices non
offers "none" run --devices '@=' '@non'
offers "none" devices check --devices non
offers "" devices check --policy non
offers "pids pids.current psi" stat --fields p
offers "cpu,memory cpu,memory.current cpu,memory.stat" stat --fields cpu,me
offers "psi" stat --fields '@=' '@ps'
offers "/dev/null" stat --output /dev/nul
offers "--help --http --human" stat --h
offers "memory.oom memory.oom_group_kill memory.oom_kill" events --kinds memory.o
offers "frozen,pids.max frozen,populated frozen,pressure" events --kinds frozen,p
offers "frozen,pids.max" events --kinds '@=' '@frozen,pi'
offers "populated populated=0 populated=1" events --until po
offers "memory:full: memory:some:" events --pressure mem
offers "/dev/null" run -d /dev/nul
offers "/dev/null" create --device /dev/nul
offers "root" run --user roo
HOMEWARD=1
export HOMEWARD
offers "HOMEWARD=" run --env HOMEW

offers "freeze,lifecycle" trace freeze,li
offers "start stop" trace st
offers "lifecycle list" trace li
offers "lifecycle" trace start audit li
offers "--record" trace start --rec
offers "/dev/null" trace --record /dev/nul
offers "/dev/null" replay /dev/nul
offers "freeze,lifecycle.removed" replay --kinds freeze,lifecycle.rem

# --- groups ---

in_tree '/pod:1 /system-a\\x2db.slice /web /web2' freeze ''
in_tree '/web /web2' freeze /w
in_tree '/web2' stat --all /web /web2
in_tree '/web/api' freeze /web/
in_tree '/web/api/blue /web/api/green' freeze /web/api
in_tree '/web/api/green' freeze /web/api/g
in_tree '/web2' freeze /web /web2
in_tree '/web2' events --recursive /web /web2
in_tree '/web2' trace lifecycle /web2
in_tree '/web2' trace start audit freeze /web2
in_tree '' freeze web
in_tree '' freeze "$tree/we"
in_tree '/system-a\\x2db.slice' show '/system-a\\x2'
in_tree '1' show /pod '@:' '@'
in_tree '/web2' run --group /web2
in_tree '/web2' run --group '@=' '@/web2'
in_tree '/web2' --json ls /web2
in_tree '' ls /web2 ''
in_tree '/web2' devices set --devices none /web2
in_tree '/web2' create -s memory.max '@=' '@1' /web2
is "$(complete_words --cgroup-root '@=' "@$tree" ls /web2)" /web2 "--cgroup-root=DIR too"
is "$(complete_words --cgroup-root /nonexistent ls /)" "" "no groups without a mount"

# --- control files and controllers ---

in_tree 'memory.high=' create -s memory.hi
in_tree 'pids.max=' run --set pids
in_tree '' run -s io.
in_tree '' run -s memory.max '@=' '@5'
in_tree '+memory +pids' controllers /web +
in_tree '-pids' controllers /web -
in_tree '--recursive' controllers /web --r

# --- arguments that are no groups ---

offers "$$" attach /web "$$"
offers "b c" devices check /web ''
offers "b c" devices check --policy oci ''
offers "b c" devices allow /web ''
offers "" devices check /web c ''
offers "/dev/null" run -- cat /dev/nul
offers "/dev/null" run cat -d /dev/nul
offers "/dev/null" devices learn /web --refine /dev/nul
offers "/dev/null" devices learn /web -- cat /dev/nul
offers "$cgward" devices learn /web -- "${cgward%?}"
offers "$cgward" run "${cgward%?}"

# --- units ---

systemctl() {
	case "$*" in
	*--user*scope,slice) echo 'mine.scope loaded active running Mine' ;;
	*scope,slice) printf '%s loaded active running It\n' web.scope system.slice user-1.slice ;;
	*slice) printf '%s loaded active running It\n' system.slice user-1.slice ;;
	esac
}
offers "system.slice user-1.slice web.scope" scope show ''
offers "web.scope" scope stop user-1.slice w
offers "mine.scope" scope stop --user ''
offers "user-1.slice" scope start --slice u
offers "user-1.slice" scope start --slice '@=' '@u'
offers "--slice" scope start --sl
offers "" scope start w
offers "$$" scope start web "$$"
offers "$cgward" scope start web -- "${cgward%?}"
done_testing
