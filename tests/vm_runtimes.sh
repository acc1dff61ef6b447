#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# Device policies beside those who load their own: crun, runc, and systemd as PID 1.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}
opener=${CGW_TESTS:-build/tests}/opener
mount=/sys/fs/cgroup
export SYSTEMD_BUS_TIMEOUT=300 # of systemctl and systemd-run, for an answer: a guest may be slow

echo "TAP version 13"
if [ "$(id -u)" != 0 ] || [ ! -d /run/systemd/system ] || [ ! -e $mount/cgroup.controllers ]; then
	echo "1..0 # SKIP needs root, systemd and cgroup2 alone"
	exit 4
fi
for tool in busybox crun runc; do
	command -v $tool >/dev/null || { echo "1..0 # SKIP no $tool here" && exit 4; }
done

top=/cgwtest-$$-runtimes
unit=cgwtest-$$
work=$(mktemp -d)
bundle=$work/bundle
units=()
# shellcheck disable=SC2317 # run by trap
cleanup() {
	local name
	# a child that is told to end before it has become another program runs this, too
	[ "$BASHPID" = $$ ] || return 0
	for name in crun runc; do
		runtime $name delete -f c >/dev/null 2>&1
	done
	[ ${#units[@]} = 0 ] || systemctl --quiet stop "${units[@]}" 2>/dev/null
	"$cgward" -q delete --recursive --kill $top 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# --- a container ---

# Tries to open each node TYPE-MAJ:MIN in three ways, or sleeps. What lacks a driver fails after
# it passed the filters: with ENXIO or ENODEV.
mkdir -p "$bundle/rootfs"
cp "$(command -v busybox)" "$bundle/rootfs/busybox"
cat >"$bundle/rootfs/probe" <<'EOF'
cd "${0%/*}"
[ $# != 0 ] || exec ./busybox sleep 1000
for node; do
	for access in r w rw; do
		case $access in
		r) said=$( (: <$node) 2>&1) ;;
		w) said=$( (: >$node) 2>&1) ;;
		rw) said=$( (: <>$node) 2>&1) ;;
		esac
		case $said in
		'' | *': No such device'*) said=allow ;;
		*': Operation not permitted') said=deny ;;
		esac
		echo "${node%-*} ${node#*-} $access $said"
	done
done
EOF
nodes="b-7:1 b-7:2 c-99:0 c-99:1 c-99:2 c-99:3 c-1:3 c-1:5 c-1:7"
for node in $nodes; do
	numbers=${node#*-}
	mknod "$bundle/rootfs/$node" "${node%-*}" "${numbers%:*}" "${numbers#*:}"
done

# runtime NAME ARG...: its own directory, cgroupfs as both have it from the start
runtime() {
	local name=$1
	shift
	"$name" --root "$work/$name" "$@"
}

# bundle GROUP NODES RULE...: the container's group, what it probes, rules 'allow|deny TYPE MAJ:MIN rwm'
bundle() {
	local group=$1 args='' list='' node rule word type numbers access
	for node in $2; do
		args+=", \"$node\""
	done
	shift 2
	for rule; do
		read -r word type numbers access <<<"$rule"
		list+=",{\"allow\":$([ "$word" = allow ] && echo true || echo false)"
		[ "$type" = a ] || list+=",\"type\":\"$type\",\"major\":${numbers%:*},\"minor\":${numbers#*:}"
		list+=",\"access\":\"${access:-rwm}\"}"
	done
	cat >"$bundle/config.json" <<EOF
{"ociVersion": "1.0.0",
 "root": {"path": "rootfs"},
 "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "env": ["PATH=/"],
  "args": ["/busybox", "sh", "/probe"$args]},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
  {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
 "linux": {"cgroupsPath": "$group", "namespaces": [{"type": "mount"}, {"type": "pid"}],
  "resources": {"devices": [${list#,}]}}}
EOF
}

# in_container RUNTIME: run the bundle to its end; lines 'TYPE MAJ:MIN ACCESS VERDICT'
in_container() {
	runtime "$1" run --bundle "$bundle" c </dev/null 2>&1
}

# in_running RUNTIME NODE...: the same from another process in the running container
in_running() {
	runtime "$1" exec c /busybox sh /probe "${@:2}" </dev/null 2>&1
}

# in_group GROUP NODE...: the same from a process in that group
in_group() {
	# shellcheck disable=SC2016
	sh -c 'echo $$ >"$0" && exec busybox sh "$@"' "$mount$1/cgroup.procs" \
		"$bundle/rootfs/probe" "${@:2}" 2>&1
}

# ours NODE...: the same by the bundle's list, read as runc reads it with the devices it always adds
ours() {
	local node queries
	queries=$(for node; do printf "${node/-/ } %s\n" r w rw; done)
	paste -d ' ' <(echo "$queries") <("$cgward" devices check --policy "$bundle/config.json" \
		-d 'c 1:3' -d 'c 1:5' -d 'c 1:7' --semantics runc - <<<"$queries")
}

# policy GROUP: of our own, with its generation, and not who else has a say
policy() {
	"$cgward" --json devices show "$1" | sed 's/,"programs":.*//'
}

# --- what a rule that denies writing means ---

disk=$(printf 'b 7:1 r allow\nb 7:1 w deny\nb 7:1 rw deny')
hole=${disk/rw deny/rw allow}
bundle $top/leaf b-7:1 'allow a' 'deny b 7:1 w'
for name in crun runc; do
	is "$(in_container $name)" "$hole" "$name: a disk that must not be written opens for writing by O_RDWR"
done
"$cgward" create $top/ordered
succeeds "a group takes the same list from the bundle's config.json" \
	"$cgward" devices set $top/ordered --policy "$bundle/config.json" --semantics ordered
is "$(in_group $top/ordered b-7:1)" "$disk" "ordered: the disk opens for reading, not for writing in any way"
for semantics in ordered:deny runc:allow; do
	run_it "$cgward" devices check --policy "$bundle/config.json" --semantics ${semantics%:*} b 7:1 rw
	like "$out" "^${semantics#*:} " "devices check --semantics ${semantics%:*} tells so without a container"
done

for list in "allow a|deny b 7:1 w|deny c 99:1 r|deny c 99:2|deny c 99:3|allow c 99:3 r" \
	"deny a|allow b 7:1 r|allow b 7:1 w|allow c 99:0 r|allow c 99:* w|allow c 1:3|allow c 1:5 r"; do
	IFS='|' read -ra rules <<<"$list"
	bundle $top/leaf "$nodes" "${rules[@]//\*/-1}"
	# shellcheck disable=SC2086 # the nodes are split on purpose
	is "$(in_container runc)" "$(ours $nodes)" "runc's verdicts are those of --semantics runc: ${rules[0]}, ..."
done

# --- a policy around a container, and one beside its own ---

all=$(printf '%s\n' 'b 7:1 r allow' 'b 7:1 w deny' 'b 7:1 rw allow' \
	'c 99:1 r deny' 'c 99:1 w deny' 'c 99:1 rw deny' 'c 99:2 r deny' 'c 99:2 w deny' 'c 99:2 rw deny')
for name in crun runc; do
	group=$top/$name
	bundle $group/leaf '' 'allow a' 'deny b 7:1 w'
	"$cgward" create $group
	"$cgward" devices set $group --devices all -d 'deny c 99:1 rw'
	runtime $name run --bundle "$bundle" --detach c </dev/null >"$work/said" 2>&1
	is "$?:$(cat "$work/said")" 0: "$name: a container starts below a policy of ours"
	succeeds "$name: a policy on the container's own group" \
		"$cgward" devices set $group/leaf --devices all -d 'deny c 99:2 rw'
	before=$(policy $group/leaf)
	run_it "$cgward" devices show $group/leaf
	like "$out" "^# another owner .* program [0-9]+, looks like $name, of '$group/leaf'" "$name: show names the runtime's program"
	is "$(in_running $name b-7:1 c-99:1 c-99:2)" "$all" "$name: its filter, the one above and the one beside all hold"
	runtime $name update --pids-limit 100 c
	is "$?:$(cat $mount$group/leaf/pids.max)" 0:100 "$name: update changes another limit"
	is "$(policy $group/leaf)" "$before" "$name: the policy is there as before the update"
	is "$(in_running $name b-7:1 c-99:1 c-99:2)" "$all" "$name: and all three hold"
	runtime $name delete -f c
	[ ! -e $mount$group/leaf ]
	ok $? "$name: the container's end takes its group along"
	like "$(policy $group)" '"generation":[0-9]+,.*"deny c 99:1 rw"' "$name: and leaves the policy above it"
	"$cgward" create $group/after
	is "$(in_group $group/after c-99:1 | sort -u -k 4)" "c 99:1 r deny" "$name: which is still in force"
done

# --- who denies what, whoever loaded it ---

"$cgward" -q --json trace deny >"$work/denied" &
tracer=$!
# shellcheck disable=SC2016 # the command expands it
until_true sh -c '"$0" devices show / | grep -q cgward_obs_deny' "$cgward"

# denied GROUP NODE WHOM NAME: an event says so
denied() {
	until_true grep -Eq "\"path\":\"$1\".*$2,.*\"rule\":null,\"resolved\":\"late\",\"decided_by\":\"$3\"" \
		"$work/denied"
	ok $? "$4"
}

for name in crun runc; do
	bundle $top/$name-traced '' 'deny a' 'allow c 99:2'
	runtime $name run --bundle "$bundle" --detach c </dev/null >/dev/null 2>&1
	in_running $name c-99:1 c-99:2 >/dev/null
	denied $top/$name-traced '"major":99,"minor":1' $name "trace deny names $name's filter as what denied a device"
	! grep -q '"major":99,"minor":2' "$work/denied"
	ok $? "and tells nothing of what it allows"
	runtime $name delete -f c
done
succeeds "learn: a policy for what the container does" \
	"$cgward" -q devices learn $top/learned -o "$work/learned" -- busybox sh "$bundle/rootfs/probe" c-1:3 c-1:5
is "$(sed '1d;s/ *#.*//' "$work/learned")" "$(printf 'allow c 1:3 rw\nallow c 1:5 rw')" "learn: both nodes, in all three ways"

# --- units of systemd, which reloads and executes itself anew ---

slice=/system.slice
scope=$unit-plain.scope delegated=$unit-delegated.scope service=$unit-closed.service
units=("$scope" "$delegated" "$service")
# the least of the CPU: openers in them must not slow systemd down
systemd-run --quiet --scope --unit "$scope" -p CPUWeight=1 sleep 1000 &
systemd-run --quiet --scope --unit "$delegated" -p CPUWeight=1 -p Delegate=yes sleep 1000 &
systemd-run --quiet --unit "$service" -p CPUWeight=1 -p DevicePolicy=closed sleep 1000
for name in "${units[@]}"; do
	until_true grep -q . "$mount$slice/$name/cgroup.procs"
done
run_it "$cgward" --json ls "$slice/$service"
like "$out" '"devices":"systemd"' "ls marks the device filter of a service"
run_it "$cgward" devices show "$slice/$service"
like "$out" "^# another owner .* program [0-9]+ 'sd_devices', looks like systemd" "and devices show names it"

# opens UNIT ARG...: an opener in the unit's group, in place of this shell
opens() {
	# shellcheck disable=SC2016
	exec sh -c 'echo $$ >"$0" && exec "$@"' "$mount$slice/$1/cgroup.procs" "$opener" "${@:2}"
}

(opens "$service" 1 never:/dev/kmsg) >/dev/null
denied "$slice/$service" '"node":"/dev/kmsg"' systemd "trace deny names systemd's filter"
kill -TERM $tracer
wait $tracer
is $? 0 "trace deny ends by SIGTERM"

declare -A policies pids
for name in "${units[@]}"; do
	succeeds "${name#"$unit"-}: takes a policy" \
		"$cgward" devices set "$slice/$name" --devices all -d 'deny c 1:5 rw'
	policies[$name]=$(policy "$slice/$name")
	words=(always:/dev/null never:/dev/zero)
	[ "$name" != "$service" ] || words+=(never:/dev/kmsg)
	opens "$name" - "${words[@]}" >"$work/$name" &
	pids[$name]=$!
	until_true grep -q ready "$work/$name"
done
run_it "$cgward" devices show "$slice/$service"
like "$out" "^# another owner .* program [0-9]+ 'sd_devices', looks like systemd" "show names systemd's program beside ours"
for verb in daemon-reload daemon-reexec; do
	succeeds "systemctl $verb" systemctl $verb
	for name in "${units[@]}"; do
		is "$(policy "$slice/$name")" "${policies[$name]}" "${name#"$unit"-}: $verb leaves the policy"
	done
done
for name in "${units[@]}"; do
	kill -TERM "${pids[$name]}"
	wait "${pids[$name]}"
	is $? 0 "${name#"$unit"-}: it was in force at each open meanwhile"
	sed 's/^/# /' "$work/$name"
done
systemctl set-property --runtime "$service" 'DeviceAllow=char-mem rw'
(opens "$service" 1 always:/dev/kmsg never:/dev/zero) >/dev/null
ok $? "systemd replaces its own program, and not ours"
systemctl stop "${units[@]}"
for name in "${units[@]}"; do
	until_true test ! -e "$mount$slice/$name"
	ok $? "${name#"$unit"-}: ends with the policy on it"
done
wait

# --- a command of ours is in no unit ---

# shellcheck disable=SC2016 # the command expands them
run_it "$cgward" run -s memory.max=64M --devices none -d 'c 1:3 rw' -- \
	sh -c 'cat /proc/self/cgroup; systemctl status $$; systemctl daemon-reload
		cd /sys/fs/cgroup$(sed s/0::// /proc/self/cgroup) && cat memory.max; cat /dev/zero'
like "$out" '^0::/cgward/run-[0-9]+-[0-9a-f]{4}$' "run puts its group outside systemd's units"
like "$err" "PID [0-9]+ does not belong to any loaded unit" "and systemd counts the command to none of them"
like "$out" '^67108864$' "its limits outlast a reload"
like "$err" '/dev/zero: Operation not permitted' "and so does its policy"
done_testing
