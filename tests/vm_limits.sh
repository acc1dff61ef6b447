#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# The limits of a config.json as crun and runc set them, and as cgward does.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}
mount=/sys/fs/cgroup

echo "TAP version 13"
if [ "$(id -u)" != 0 ] || [ ! -e $mount/cgroup.controllers ]; then
	echo "1..0 # SKIP needs root and cgroup2 alone"
	exit 4
fi
for tool in busybox crun runc; do
	command -v $tool >/dev/null || { echo "1..0 # SKIP no $tool here" && exit 4; }
done

top=/cgwtest-$$-limits
work=$(mktemp -d)
bundle=$work/bundle
# shellcheck disable=SC2317 # run by trap
cleanup() {
	# a child that is told to end before it has become another program runs this, too
	[ "$BASHPID" = $$ ] || return 0
	local name
	for name in crun runc; do
		"$name" --root "$work/$name" delete -f c >/dev/null 2>&1
	done
	"$cgward" -q delete --recursive --kill $top 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

mkdir -p "$bundle/rootfs/dev"
cp "$(command -v busybox)" "$bundle/rootfs/busybox"

# a bundle of group $1 whose linux.resources are $2
bundle() {
	cat >"$bundle/config.json" <<EOF
{"ociVersion": "1.0.0",
 "root": {"path": "rootfs"},
 "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/busybox", "sleep", "1000"]},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
 "linux": {"cgroupsPath": "$1", "namespaces": [{"type": "mount"}, {"type": "pid"}],
  "resources": $2}}
EOF
}

# hugetlb.2MB.rsvd.max is not among them: these releases of crun and runc do not set it.
files="cpu.weight cpu.idle cpu.max cpu.max.burst cpuset.cpus cpuset.mems memory.min memory.low memory.high
	memory.max memory.swap.max memory.oom.group pids.max io.max io.bfq.weight hugetlb.2MB.max"

# FILE=CONTENT of all that group $1 has
values() {
	local file
	for file in $files; do
		[ ! -e "$mount$1/$file" ] || echo "$file=$(cat "$mount$1/$file")"
	done
}

# same NAME RESOURCES: cgward's values for the config.json are runc's and crun's
same() {
	local name ours
	bundle $top/ours "$2"
	"$cgward" -q create $top/ours --oci "$bundle/config.json" 2>"$work/err" || cat "$work/err"
	ours=$(values $top/ours)
	for name in crun runc; do
		bundle $top/$name "$2"
		if "$name" --root "$work/$name" run --detach --bundle "$bundle" c >"$work/out" 2>&1 </dev/null; then
			is "$ours" "$(values $top/$name)" "$1: $name sets the same"
			"$name" --root "$work/$name" delete -f c
		else
			ok 1 "$1: $name runs"
			sed 's/^/# /' "$work/out"
		fi
	done
	"$cgward" -q delete $top/ours
}

# runtimes enable every controller, so that every file is there
"$cgward" create $top
# shellcheck disable=SC2046 # the names are split on purpose
"$cgward" controllers $top $(sed 's/[a-z_]*/+&/g' $mount/cgroup.controllers)
same "memory and pids" '{"memory":{"limit":67108864,"reservation":33554432},"pids":{"limit":50}}'
same "memory with swap" '{"memory":{"limit":67108864,"swap":134217728}}'
same "memory without swap" '{"memory":{"limit":67108864,"swap":67108864}}'
same "no limit of memory" '{"memory":{"limit":-1,"swap":-1},"pids":{"limit":-1}}'
same "quota and period" '{"cpu":{"quota":50000,"period":200000}}'
same "quota alone" '{"cpu":{"quota":50000}}'
same "no quota" '{"cpu":{"quota":-1,"period":50000}}'
same "cpus and mems" '{"cpu":{"cpus":"0-1","mems":"0"}}'
same "huge pages" '{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}'
same "rates of a disk" '{"blockIO":{"throttleReadBpsDevice":[{"major":1,"minor":0,"rate":1048576}],
	"throttleWriteIOPSDevice":[{"major":1,"minor":0,"rate":100}]}}'
echo bfq >/sys/block/nullb0/queue/scheduler
disk=$(cat /sys/block/nullb0/dev)
same "weights of disks" '{"blockIO":{"weight":300,"weightDevice":[{"major":'"${disk%:*}"',
	"minor":'"${disk#*:}"',"weight":400}]}}'
same "unified" '{"unified":{"memory.high":"50331648","memory.oom.group":"1","cpu.weight":"250","pids.max":"9"}}'

# What these releases of runc and crun make of shares is the old formula, of which 1024 is 39;
# newer ones keep the default.
bundle $top/ours '{"cpu":{"shares":1024}}'
"$cgward" -q create $top/ours --oci "$bundle/config.json"
is "$(cat $mount$top/ours/cpu.weight)" 100 "1024 shares, the default, are the weight 100, the default"
"$cgward" -q delete $top/ours
for name in crun runc; do
	bundle $top/$name '{"cpu":{"shares":1024}}'
	"$name" --root "$work/$name" run --detach --bundle "$bundle" c >/dev/null 2>&1 </dev/null
	is "$(cat $mount$top/$name/cpu.weight)" 39 "for $name of this release they are 39"
	# a container that is running, compared and mended
	run_it "$cgward" -q diff $top/$name --oci "$bundle/config.json"
	is "$status $out" "1 $(printf -- '-cpu.weight=39\n+cpu.weight=100')" "diff finds that in $name's container"
	succeeds "and --fix mends it" "$cgward" -q diff $top/$name --fix --oci "$bundle/config.json"
	is "$(cat $mount$top/$name/cpu.weight)" 100 "the weight is what it should be"
	"$name" --root "$work/$name" delete -f c
done

is "$("$cgward" plan --oci "$bundle/config.json")" "cpu.weight=100" "plan says all that beforehand"

# Neither of these releases knows bursts, and runc's no idle groups.
resources='{"cpu":{"idle":1,"quota":50000,"burst":20000}}'
for name in ours crun runc; do
	bundle $top/$name "$resources"
	if [ $name = ours ]; then
		"$cgward" -q create $top/ours --oci "$bundle/config.json"
	else
		"$name" --root "$work/$name" run --detach --bundle "$bundle" c >/dev/null 2>&1 </dev/null
	fi
	got=$(cat $mount$top/$name/cpu.idle $mount$top/$name/cpu.max.burst)
	case $name in
	ours) is "$got" $'1\n20000' "a group is idle, and has a burst" ;;
	crun) is "$got" $'1\n0' "crun's is idle, its burst is left out" ;;
	runc) is "$got" $'0\n0' "runc's is neither" ;;
	esac
	[ $name = ours ] || "$name" --root "$work/$name" delete -f c
done
"$cgward" -q delete $top/ours

done_testing
