#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# Limits from the command line: plan, create --oci, update, diff.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}

top=/cgwtest-$$-limits
live_begin

# --- plan: needs neither groups nor privilege ---

cat >"$work/config.json" <<'EOF'
{"ociVersion":"1.0.2","linux":{"resources":{
 "cpu":{"shares":2048,"quota":50000,"period":100000,"realtimePeriod":1000},
 "memory":{"limit":268435456,"swap":536870912,"reservation":134217728},
 "pids":{"limit":100},
 "devices":[{"allow":false},{"allow":true,"type":"c","major":10,"minor":229,"access":"rw"}]}}}
EOF
run_it "$cgward" plan --oci "$work/config.json"
is "$status" 0 "plan"
is "$(grep -v '^#' <<<"$out")" "$(printf '%s\n' cpu.weight=174 'cpu.max=50000 100000' memory.low=134217728 \
	memory.swap.max=268435456 memory.max=268435456 pids.max=100)" "it prints FILE=VALUE in the order of writing"
like "$out" "^# allow c 10:229 rw\$" "and the device rules as comments"
like "$err" "linux.resources.cpu.realtimePeriod is not applied" "and what cgroup v2 has not"
run_it "$cgward" --json -q plan --oci "$work/config.json" -d 'deny c 10:229'
is "$(head -n 1 <<<"$out")" '{"file":"cpu.weight","value":"174","problem":null}' "plan --json"
like "$out" '^\{"semantics":"ordered","rules":\["deny a",.*\]\}$' "with the device rules as its last line"
[[ $out != *'allow c 10:229'* ]]
ok $? "-d comes after --oci"
run_it "$cgward" -q plan -s pids.max=7 --oci "$work/config.json"
is "$(grep ^pids <<<"$out")" "pids.max=7" "-s comes after --oci too, wherever it stands"
run_it "$cgward" plan -s cpu.weight=20000 -s pids.max=5
is "$status" 2 "a value that would be refused is status 2"
like "$err" "cpu.weight=20000 would be refused: it takes 1..10000" "and is named"
like "$out" "^pids.max=5\$" "beside the others"
refuses 2 "nothing is given to plan" "plan without anything" "$cgward" plan
printf '{"memory":{"limit":200,"swap":100}}' >"$work/conflict.json"
refuses 2 "$work/conflict.json:1:31: memory.swap: 100 is memory and swap together, and below the limit 200" \
	"limits that contradict each other" "$cgward" plan --oci "$work/conflict.json"
printf '{"memory":{"limit":"1G"}}' >"$work/string.json"
refuses 2 "$work/string.json:1:20: memory.limit: not a whole number" "a limit that is a string" \
	"$cgward" plan --oci "$work/string.json"
refuses 1 "cannot open '$work/none.json': No such file" "a config.json that is not there" \
	"$cgward" plan --oci "$work/none.json"
run_it "$cgward" -q plan --oci - <"$work/config.json"
like "$out" "^pids.max=100\$" "--oci - is standard input"

# --- update and diff, by the limit that any cgroup2 here may have ---

if grep -qw hugetlb "$mount/cgroup.controllers"; then
	printf '{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}' >"$work/huge.json"
	succeeds "create --oci" "$cgward" create $top/a --oci "$work/huge.json"
	is "$(cat "$mount$top/a/hugetlb.2MB.max" "$mount$top/a/hugetlb.2MB.rsvd.max")" \
		"$(printf '4194304\n4194304')" "sets the limits of the config.json"
	run_it "$cgward" diff $top/a --oci "$work/huge.json"
	is "$status $out" "0 " "diff finds nothing then"
	succeeds "update" "$cgward" update $top/a -s hugetlb.2MB.max=8M
	is "$(cat "$mount$top/a/hugetlb.2MB.max")" 8388608 "changes a limit"
	run_it "$cgward" diff $top/a --oci "$work/huge.json"
	is "$status" 1 "diff gives 1 when they differ"
	is "$out" "$(printf -- '-hugetlb.2MB.max=8388608\n+hugetlb.2MB.max=4194304')" "and prints what is and what is to be"
	run_it "$cgward" --json diff $top/a --oci "$work/huge.json"
	is "$out" '{"file":"hugetlb.2MB.max","have":"8388608","want":"4194304"}' "diff --json"
	succeeds "diff --fix" "$cgward" diff $top/a --fix --oci "$work/huge.json"
	is "$(cat "$mount$top/a/hugetlb.2MB.max")" 4194304 "mends it"
	refuses 1 "cannot set hugetlb.2MB.max=lots" "a value that the kernel refuses" \
		"$cgward" update $top/a -s hugetlb.2MB.rsvd.max=2M -s hugetlb.2MB.max=lots
	is "$(cat "$mount$top/a/hugetlb.2MB.rsvd.max")" 4194304 "leaves the others as they were"
else
	skip "update and diff of hugetlb" "no hugetlb controller: $(cat "$mount/cgroup.controllers")"
fi

"$cgward" create $top/d
printf '{"devices":[{"allow":false},{"allow":true,"type":"c","major":10,"minor":229,"access":"rw"}]}' >"$work/dev.json"
run_it "$cgward" -q diff $top/d --oci "$work/dev.json"
is "$status" 1 "diff sees that there is no device policy"
like "$out" "^-devices: no cgward policy\$" "and says so"
succeeds "diff --fix sets it" "$cgward" diff $top/d --fix --oci "$work/dev.json"
run_it "$cgward" diff $top/d --oci "$work/dev.json"
is "$status $out" "0 " "nothing differs then"
"$cgward" -q devices deny $top/d c 10:229 2>/dev/null
run_it "$cgward" diff $top/d --oci "$work/dev.json"
is "$status $(grep '^+' <<<"$out")" "1 +devices: allow c 10:229 rw" "a rule that was taken away is missed"
succeeds "update changes the policy too" "$cgward" update $top/d --devices none -d 'c 1:3 rw'
run_it "$cgward" devices check $top/d c 10:229 rw
like "$out" "^deny " "which is in force"
refuses 2 "nothing is given to update" "update without anything" "$cgward" update $top/d
refuses 2 "nothing is given to diff" "diff without anything" "$cgward" diff $top/d
refuses 2 "no such group" "diff of a group that is not there" "$cgward" diff $top/none -s pids.max=1
refuses 1 "no such group" "update of a group that is not there" "$cgward" update $top/none -s pids.max=1

done_testing
