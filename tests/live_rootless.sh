#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# A user with a group delegated to it: what the command does for it, and what it says it cannot.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}

top=/cgwtest-$$-rootless
live_begin
command -v setpriv >/dev/null || { echo "1..0 # SKIP no setpriv here" && exit 4; }

# where the user can reach it
chmod 711 "$work"
cp "$cgward" "$work/cgward"
chmod 755 "$work/cgward"

# as_user ARG...: cgward as that user, from the group that root put it into
as_user() {
	# shellcheck disable=SC2016
	bash -c 'cd / && echo $$ >"$0" && exec setpriv --reuid 65534 --regid 65534 --clear-groups \
		--inh-caps=-all --bounding-set=-all "$@"' "$mount$top/shell/cgroup.procs" "$work/cgward" "$@"
}

succeeds "create" "$cgward" create $top
succeeds "delegate to a user by number" "$cgward" delegate $top 65534:65534
is "$(stat -c %u "$mount$top" "$mount$top/cgroup.procs" "$mount$top/cgroup.max.depth" | xargs)" \
	"65534 65534 0" "gives it the group, and not the group's own limits"
"$cgward" create $top/shell
"$cgward" delegate $top/shell 65534
refuses 2 "no user 'nobody-at-all'" "delegate to nobody there is" "$cgward" delegate $top nobody-at-all
refuses 2 "cannot delegate '/'" "delegate of the root" "$cgward" delegate / 65534

run_it as_user run -- cat /proc/self/cgroup
like "$out" "^0::$top/run-[0-9]+-[0-9a-f]{4}\$" "run finds a place in what was delegated"
succeeds "create below it" as_user create $top/made
run_it as_user run --group $top/job --detach -- sh -c 'exec sleep 1000 >/dev/null 2>&1'
like "$out" "^$top/job [0-9]+\$" "run --detach"
succeeds "freeze" as_user freeze $top/job
is "$(grep frozen "$mount$top/job/cgroup.events")" "frozen 1" "it is frozen"
succeeds "thaw" as_user thaw $top/job
run_it as_user stat --fields cgroup.events $top/job
is "$out" "$(printf 'cgroup.events.populated  1\ncgroup.events.frozen     0')" "stat"
run_it as_user events --initial --kinds populated --timeout 100ms $top/job
like "$out" "populated +1 +$top/job" "events"
succeeds "kill" as_user kill $top/job
succeeds "delete" as_user delete $top/job $top/made
refuses 1 "'/' belongs to uid 0" "create outside of it" as_user create /cgwtest-$$-outside
refuses 1 "Permission denied" "a limit of the group itself" as_user update $top -s cgroup.max.depth=5
like "$err" "who delegated '$top' sets its limits" "which its user does not set"
if [[ $("$cgward" --version) == *+bpf* ]]; then
	refuses 1 "CAP_BPF is missing" "a device policy" as_user devices set $top/shell --devices oci
	refuses 125 "CAP_BPF is missing" "and run does not start without it" as_user run --devices oci -- true
fi
if grep -qw pids "$mount/cgroup.controllers"; then
	"$cgward" create $top/limited -s pids.max=20
	"$cgward" delegate $top/limited 65534
	succeeds "create with a limit" as_user create $top/limited/below -s pids.max=7
	is "$(cat "$mount$top/limited/below/pids.max")" 7 "which is set"
	refuses 1 "Permission denied" "not one of the group above" as_user update $top/limited -s pids.max=30
else
	skip "limits below" "no pids controller: $(cat "$mount/cgroup.controllers")"
fi

done_testing
