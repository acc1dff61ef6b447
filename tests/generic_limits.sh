#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# Limits that Debian's generic kernel has and its cloud kernels lack: zswap, and RDMA, over lo.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}
verbs=${CGW_TESTS:-build/tests}/verbs
node=/dev/infiniband/uverbs0
top=/cgwtest-$$-generic

live_begin
for file in /sys/module/zswap /sys/module/rdma_rxe /dev/ram0; do
	[ -e $file ] || { echo "1..0 # SKIP no $file here" && exit 4; }
done
"$cgward" create $top

# value FILE: its content in $top/a
value() {
	cat "$mount$top/a/$1"
}

# number KEY: its number in the statistics of $top/a
number() {
	"$cgward" --json stat $top/a | grep -o "\"$1\":[0-9]*" | head -n 1 | sed 's/.*://'
}

mkswap /dev/ram0 >/dev/null
swapon /dev/ram0
echo 1 >/sys/module/zswap/parameters/enabled

succeeds "memory.zswap.max is set" "$cgward" create $top/a -s memory.zswap.max=1MiB
is "$(value memory.zswap.max)" 1048576 "the kernel has it"
like "$("$cgward" show $top/a)" "memory.zswap.max +1048576" "show tells it"
like "$("$cgward" --json show $top/a)" '"memory.zswap.max":1048576' "and as JSON"
refuses 2 "memory.zswap.max=1X.*: '1X' has no unit" "a unit that is none" \
	"$cgward" update $top/a -s memory.zswap.max=1X
refuses 1 "memory.zswap.max.*takes" "a negative value, with what it takes" \
	"$cgward" update $top/a -s pids.max=5 -s memory.zswap.max=-1
is "$(value memory.zswap.max)" 1048576 "it stays as it was"
run_it "$cgward" diff $top/a -s memory.zswap.max=max
is "$status $out" "1 $(printf -- '-memory.zswap.max=1048576\n+memory.zswap.max=max')" "diff finds another value"

# in_group COMMAND...: it runs in $top/a
in_group() {
	sh -c 'echo $$ >"$0" && exec "$@"' "$mount$top/a/cgroup.procs" "$@"
}

# swap_out LIMIT: print how much of 8 MiB of text, swapped out, is in zswap
swap_out() {
	rm -f /dev/shm/text
	"$cgward" -q update $top/a -s memory.zswap.max="$1"
	in_group sh -c 'seq 1000000 2000000 >/dev/shm/text'
	"$cgward" -q update $top/a -s memory.reclaim=6M
	number memory.zswap.current
}
is "$(swap_out 0)" 0 "nothing goes to zswap where its limit is 0"
used=$(swap_out 131072)
is "$((used > 0 && used <= 131072 + 4096))" 1 "no more than its limit (${used:-nothing} bytes)"
used=$(swap_out max)
like "$used" '^[1-9][0-9]{5,}$' "and without limit what stat tells ($used bytes)"
rm /dev/shm/text
like "$("$cgward" stat --openmetrics $top/a)" '^cgroup_memory_zswap_current_bytes\{.*\} [0-9]+$' \
	"OpenMetrics has it"
swapoff /dev/ram0
"$cgward" delete $top/a

passes "there is an RDMA device" rdma link add rxe0 type rxe netdev lo
succeeds "rdma.max is set" "$cgward" create $top/a -s 'rdma.max=rxe0 hca_handle=2 hca_object=20'
is "$(value rdma.max)" "rxe0 hca_handle=2 hca_object=20 " "the kernel has it"
like "$("$cgward" --json show $top/a)" '"rdma.max":\{"rxe0":\{"hca_handle":2,"hca_object":20\}\}' \
	"show tells it"
echo '{"linux":{"resources":{"rdma":{"rxe0":{"hcaHandles":3}}}}}' >"$work/handles"
echo '{"linux":{"resources":{"rdma":{"rxe0":{"hcaObjects":4}}}}}' >"$work/objects"
echo '{"rdma":{"rxe0":{"hcaHandles":-1}}}' >"$work/negative"
echo '{"rdma":{"mlx9":{"hcaHandles":1}}}' >"$work/absent"
succeeds "--oci sets handles alone" "$cgward" -q update $top/a --oci "$work/handles"
is "$(value rdma.max)" "rxe0 hca_handle=3 hca_object=20 " "objects stay as they were"
run_it "$cgward" -q diff $top/a --oci "$work/objects"
is "$status" 1 "diff finds other objects"
like "$out" '^\+rdma.max=rxe0 hca_object=4$' "and names them"
succeeds "diff --fix sets objects alone" "$cgward" -q diff $top/a --fix --oci "$work/objects"
is "$(value rdma.max)" "rxe0 hca_handle=3 hca_object=4 " "handles stay as they were"
succeeds "then nothing differs" "$cgward" -q diff $top/a --oci "$work/objects"
refuses 2 "negative:1:31: rdma.rxe0.hcaHandles: not within 0 and 4294967295" "a negative number" \
	"$cgward" update $top/a --oci "$work/negative"
refuses 1 "rdma.max.*mlx9" "a device that is not there" "$cgward" update $top/a --oci "$work/absent"
refuses 1 "rdma.max.*hca_things" "a key that is none" \
	"$cgward" update $top/a -s 'rdma.max=rxe0 hca_things=1'
is "$(value rdma.max)" "rxe0 hca_handle=3 hca_object=4 " "all that changed nothing"

run_it in_group "$verbs" $node 2 3 "$cgward" --json stat $top/a
like "$out" '"rdma.current":\{"rxe0":\{"hca_handle":2,"hca_object":' "stat tells what is used"
run_it in_group "$verbs" $node 2 0 "$cgward" show $top/a
like "$out" 'rdma.current +rxe0 hca_handle=2 ' "and so does show"
run_it in_group "$verbs" $node 4 0 true
like "$status $err" '^1 verbs: context 4: Resource temporarily' "the kernel holds who wants more to it"
succeeds "max lifts it" "$cgward" update $top/a -s 'rdma.max=rxe0 hca_handle=max hca_object=max'
succeeds "and then that goes" in_group "$verbs" $node 4 5 true

# Even this kernel is built without these.
"$cgward" controllers $top +cpu +io
for file in cpu.uclamp.min cpu.uclamp.max io.latency; do
	if [ -e "$mount$top/a/$file" ]; then
		skip "$file is refused" "this kernel has it"
	else
		refuses 1 "$file.*CONFIG_" "$file is refused, with what the kernel lacks" \
			"$cgward" update $top/a -s $file=10
	fi
done
"$cgward" delete $top/a
rdma link delete rxe0

done_testing
