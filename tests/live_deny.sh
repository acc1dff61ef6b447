#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# Denied and learned devices as a person and a script meet them.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}
opener=${CGW_TESTS:-build/tests}/opener

top=/cgwtest-$$-deny
case $("$cgward" --version) in
*-bpf*) echo "1..0 # SKIP built without BPF" && exit 4 ;;
esac
live_begin
"$cgward" create $top/web
"$cgward" -q devices set $top/web --devices none -d 'c 1:3 rw' -d 'c 5:* rw'

# inside GROUP COMMAND...: in that group
inside() {
	# shellcheck disable=SC2016
	sh -c 'echo $$ >"$0" && exec "$@"' "$mount$1/cgroup.procs" "${@:2}"
}

# observed: is somebody observing the group? Others may observe all there are.
observed() {
	"$cgward" devices show $top/web | grep -q "observes.* of '$top"
}

# begin NAME ARG...: cgward trace deny in the background, observing before this returns
begin() {
	local name=$1
	shift
	"$cgward" "${globals[@]}" trace deny $top/web "$@" >"$work/$name" 2>"$work/$name.err" &
	tracer=$!
	until_true observed || cat "$work/$name.err"
}

# ended NAME: sets status and out, of the trace that begin started
ended() {
	status=0
	wait $tracer || status=$?
	out=$(cat "$work/$1")
}

globals=(-q)

# --- trace deny ---

begin text --count 3
run_it "$cgward" devices show $top/web
like "$out" "^# cgward observes, and decides nothing: program [0-9]+ 'cgward_obs_deny', of '$top'" \
	"devices show tells an observer from a filter"
run_it "$cgward" devices check $top/web c 1:3 rw
like "$out" '^allow  by rule' "devices check is not put off by it"
inside $top/web sh -c '(: </dev/full) 2>/dev/null; cat /dev/zero 2>/dev/null; (: <>/dev/full) 2>/dev/null'
ended text
is $status 0 "trace --count ends by itself"
like "$out" "deny +$top/web  sh \(pid [0-9]+, uid 0\): c 1:7 \(/dev/full\) r, by rule 'deny a' of '$top/web'$" \
	"an event tells the process, the node, the access and the rule"
like "$out" "cat \(pid .*: c 1:5 \(/dev/zero\) r, by rule" "and another"
like "$out" "c 1:7 \(/dev/full\) rw, by rule" "a different access is another line"

begin many --count 1001
inside $top/web "$opener" 1000 never:/dev/full >/dev/null
inside $top/web cat /dev/zero 2>/dev/null
ended many
is "$(grep -c 'c 1:7' "$work/many" | sed -E 's/^([2-9]|[1-9][0-9])$/few/')" few "what repeats is not printed each time"
sum=$(grep -o '\.\.\. and [0-9,]* more like it: opener' "$work/many" | tr -dc '0-9\n' | paste -s -d +)
is "$((sum))" 999 "but how often"

globals=(-q --json)
begin json --count 2
inside $top/web "$opener" 2 never:/dev/full >/dev/null
ended json
like "$out" '^\{"event":"deny",.*"path":"'$top'/web",.*"uid":0,"comm":"opener","source":"cgroup/dev","type":"c","major":1,"minor":7,"node":"/dev/full","access":"rw","rule":"deny a","resolved":"late","decided_by":"'$top'/web"\}$' \
	"the same as JSON"
is "$(wc -l <"$work/json")" 2 "as JSON each is printed"
begin summary --count 1000 --summary
inside $top/web "$opener" 1000 never:/dev/full >/dev/null
ended summary
sum=$(sed -n 's/.*"more":\([0-9]*\)}$/\1/p' "$work/summary" | paste -s -d +)
is "$((sum)):$(grep -vc more "$work/summary")" 999:1 "unless --summary is given"
globals=(-q)
run_it "$cgward" --json ls $top/web
like "$out" '"devices":"cgward"' "ls shows whose filter it is"
begin end --duration 100s
run_it "$cgward" --json ls $top
like "$out" '"path":"'$top'",.*"devices":null' "ls shows no filter where there is only an observer"
run_it "$cgward" --json devices show $top
like "$out" '"name":"cgward_obs_deny",.*"by":"cgward",.*"attached_to":"'$top'","overrules":false,"observer":true' \
	"and devices show --json says what it is"
{
	kill -KILL $tracer
	wait $tracer
} 2>/dev/null
run_it "$cgward" devices show $top
is "$status:$(grep -c "observes.* of '$top" <<<"$out")" 1:0 "a trace that is killed leaves nothing attached"
refuses 2 "it takes a power of two" "a ring of no power of two is wrong usage" \
	"$cgward" trace deny --ring 5000
refuses 1 "CAP_BPF is missing" "without privilege it says which is missing" \
	setpriv --reuid 65534 --clear-groups "$cgward" trace deny

# --- run --explain ---

run_it "$cgward" -q run --explain --devices none -d 'c 1:3 rw' -- sh -c 'cat /dev/zero; cat /dev/zero; : </dev/null; exit 7'
is $status 7 "run --explain gives the command's status"
like "$err" "^cgward: denied c 1:5 \(/dev/zero\) r, asked for 2 times, by rule 'deny a' of '/cgward/run-" \
	"and tells what was denied, how often, and by which rule"
is "$(grep -c '^cgward: denied' <<<"$err")" 1 "and nothing else"
run_it "$cgward" -q --json run --explain --devices none -- cat /dev/zero
like "$err" '^\{"event":"deny","path":"/cgward/run-.*,"type":"c","major":1,"minor":5,"node":"/dev/zero","access":"r","count":1,"rule":"deny a","resolved":"late","decided_by":"/cgward/run-' \
	"as JSON too"
run_it "$cgward" run --explain -- true
is "$err" "cgward: no device was denied" "or that nothing was"
refuses 125 "not with --detach" "run --explain waits" "$cgward" run --explain --detach -- true

# --- devices learn ---

# shellcheck disable=SC2016
use=(sh -c '(: </dev/null >/dev/zero); (: <>/dev/full) 2>/dev/null; exit 3')
run_it "$cgward" -q devices learn $top/new -- "${use[@]}"
is "$status" 3 "devices learn gives the command's status"
expected=$(printf '%s\n' "# devices used in $top/new" 'allow c 1:3 rw  # /dev/null' 'allow c 1:5 w  # /dev/zero' \
	'allow c 1:7 rw  # /dev/full')
is "$out" "$expected" "and prints the smallest list"
[ ! -e "$mount$top/new" ]
ok $? "a group that was made for it is removed"
"$cgward" -q devices learn $top/new -o "$work/list" -- "${use[@]}"
is "$(cat "$work/list")" "$expected" "the same again, into a file"
"$cgward" create $top/strict
"$cgward" -q devices set $top/strict --policy "$work/list"
run_it "$cgward" -q --json devices learn $top/strict -- "${use[@]}"
is "$(grep -o '"denied":[0-9]*' <<<"$out" | sort -u)" '"denied":0' "under the list the command is denied nothing"
[ -e "$mount$top/strict" ]
ok $? "a group that was there stays"
run_it "$cgward" -q devices learn $top/strict -- cat /dev/random
like "$out" '^# denied: c 1:8 \(/dev/random\) r$' "what was denied is a remark"
run_it "$cgward" -q devices learn $top/strict --denied -- cat /dev/random
like "$out" '^allow c 1:8 r  # /dev/random$' "or allowed, with --denied"
run_it "$cgward" -q devices learn $top/new --refine "$work/list" -- sh -c ': </dev/zero'
is "$out" "$(sed "s,1:5 w ,1:5 rw ," "$work/list")" "--refine adds to an earlier list"
"$cgward" -q devices learn $top/new --oci -o "$work/oci" -- "${use[@]}"
is "$("$cgward" devices compile --policy "$work/oci")" "$("$cgward" devices compile --policy "$work/list")" \
	"--oci is the same policy for a config.json"
is "$("$cgward" devices compile --policy "$work/oci" --semantics runc)" \
	"$("$cgward" devices compile --policy "$work/list" --semantics runc)" "also as runc reads it"
run_it "$cgward" -q devices learn $top/new --refine "$work/oci" -- true
is "$(sed 1d <<<"$out")" "$(sed '1d' "$work/list")" "and --refine reads it"

"$cgward" -q devices learn $top/strict -o "$work/watched" &
learner=$!
until_true sh -c "'$cgward' devices show $top/strict | grep -q \"cgward_obs_use.* of '$top\""
(inside $top/strict sh -c ': </dev/null')
kill -INT $learner
wait $learner
is "$?:$(sed 1d "$work/watched")" '0:allow c 1:3 r  # /dev/null' "without a command it watches the group until Ctrl-C"
run_it "$cgward" -q devices learn $top/strict --duration 10ms
is "$status:$out" "0:# devices used in $top/strict" "or for --duration"
run_it "$cgward" -q devices learn $top/new --duration 200ms -- sleep 1000
is $status 137 "which a command does not outlast"
refuses 125 "no such group" "a group to watch must be there" "$cgward" devices learn $top/none
refuses 125 "No such file" "an earlier list must be there" \
	"$cgward" devices learn $top/new --refine "$work/none" -- true
refuses 127 "no-such-command" "a command that is not there is told" "$cgward" devices learn $top/new -- no-such-command
[ ! -e "$mount$top/new" ]
ok $? "and leaves no group"
done_testing
