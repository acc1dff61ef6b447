#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# The command as a person uses it: real groups, real opens, real errors.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}
opener=${CGW_TESTS:-build/tests}/opener
scale=${CGW_SCALE:-1}

top=/cgwtest-$$-cli
live_begin

has_controller() {
	grep -qw "$1" "$mount/cgroup.controllers"
}

# --- run: status, place, end ---

run_it "$cgward" run -- sh -c 'exit 7'
is "$status" 7 "run gives the status of the command"
run_it "$cgward" run -- sh -c 'kill -KILL $$'
is "$status" 137 "run gives 128+N for signal N"
refuses 127 "cannot execute 'no-such-command'" "run: a command that is not there is 127" \
	"$cgward" run -- no-such-command
refuses 126 "cannot execute '/etc/passwd': Permission denied" "run: what cannot be executed is 126" \
	"$cgward" run -- /etc/passwd
refuses 125 "unknown option '--nonsense'" "run: wrong usage is 125" "$cgward" run --nonsense -- true
refuses 125 "too few arguments" "run: no command is 125" "$cgward" run
run_it "$cgward" run -- cat /proc/self/cgroup
like "$out" '^0::/cgward/run-[0-9]+-[0-9a-f]{4}$' "run puts the command below /cgward"
[ ! -e "$mount${out#0::}" ]
ok $? "run removes its group"
run_it "$cgward" run --group $top/named/deep -- cat /proc/self/cgroup
like "$out" "^0::$top/named/deep\$" "run --group makes the group named"
[ ! -e "$mount$top" ]
ok $? "run removes the parents it made"
"$cgward" create $top/stays
"$cgward" run --group $top/stays/x -- true
[ -d "$mount$top/stays" ] && [ ! -e "$mount$top/stays/x" ]
ok $? "run leaves a parent that was there"
refuses 125 "cannot create group '$top/stays': it exists" "run on a group that exists is refused" \
	"$cgward" run --group $top/stays -- true
# shellcheck disable=SC2016 # the command expands them
run_it "$cgward" run --env COLOUR=blue --cwd /usr -- sh -c 'echo $COLOUR $PWD'
is "$out" "blue /usr" "run --env --cwd"
run_it "$cgward" run --user nobody -- sh -c 'id -u; id -G'
is "$out" "$(printf '65534\n65534')" "run --user"
run_it "$cgward" run --user 1234:4321 -- sh -c 'id -u; id -g'
is "$out" "$(printf '1234\n4321')" "run --user with numbers"
refuses 125 "no user 'nobody-at-all'" "run --user of an unknown user" \
	"$cgward" run --user nobody-at-all -- true

"$cgward" run --group $top/orphan -- sh -c "sleep 1000 & echo \$! >$work/orphan"
[ ! -e "$mount$top/orphan" ] && until_true gone "$(cat "$work/orphan")"
ok $? "run kills what the command left behind"
"$cgward" run --keep --group $top/kept -- sh -c "sleep 1000 & echo \$! >$work/kept"
[ -d "/proc/$(cat "$work/kept")" ] && grep -qx "$(cat "$work/kept")" "$mount$top/kept/cgroup.procs"
ok $? "run --keep leaves the group and what is in it"
succeeds "delete --kill ends it" "$cgward" delete --kill $top/kept
run_it "$cgward" run --timeout 200ms --group $top/slow -- sleep 1000
is "$status:$out" "137:" "run --timeout kills the command"
like "$err" "the time is up: killing '$top/slow'" "and says so"
[ ! -e "$mount$top/slow" ]
ok $? "and removes the group"

# run is told to end: the command gets the signal, the group goes
"$cgward" run --group $top/term -- sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.02; done' \
	>"$work/term" 2>&1 &
pid=$!
until_true grep -q up "$work/term"
kill -TERM $pid
status=0
wait $pid || status=$?
is "$status" 9 "run forwards SIGTERM"
[ ! -e "$mount$top/term" ]
ok $? "run removes the group when it is ended by SIGTERM"
(
	trap - INT # a background job of a shell ignores it
	exec "$cgward" run --group $top/int -- sh -c 'trap "" INT TERM; echo up; while :; do sleep 0.02; done'
) >"$work/int" 2>&1 &
pid=$!
until_true grep -q up "$work/int"
kill -INT $pid
kill -TERM $pid
status=0
wait $pid || status=$?
is "$status" 137 "a second signal to end kills the group"
[ ! -e "$mount$top/int" ]
ok $? "and removes it"

# --- create, ls, show, controllers, attach ---

succeeds "create with parents" "$cgward" create $top/a/b/c
refuses 1 "cannot create group '$top/a/b/c': it exists" "create of what exists" "$cgward" create $top/a/b/c
run_it "$cgward" --json create $top/json
like "$out" "^\{\"path\":\"$top/json\",\"id\":[0-9]+\}\$" "create --json"
start_sleeper
succeeds "attach moves a process" "$cgward" attach $top/a/b/c $sleeper
is "$(cat "$mount$top/a/b/c/cgroup.procs")" $sleeper "and it is there"
run_it "$cgward" --json ls $top/a/b
like "$out" "^\{\"path\":\"$top/a/b\",\"id\":[0-9]+,\"procs\":0,\"descendants\":1,\"populated\":1,\"frozen\":0,\"devices\":null,\"owner\":0\}" "ls --json"
is "$(wc -l <<<"$out")" 2 "ls prints a line a group"
run_it "$cgward" ls $top/a
like "$out" '^    c  +1  populated  -' "ls sets the children in"
run_it "$cgward" show pid:$sleeper
like "$out" "^path +$top/a/b/c\$" "pid:N is the group of a process"
run_it "$cgward" --json show $top/a/b/c
like "$out" "\"type\":\"domain\".*\"procs\":\[$sleeper\].*\"cgroup.events\":\{\"populated\":1,\"frozen\":0\}.*\"programs\":\[\]\}\$" "show --json"
run_it "$cgward" --json controllers /
like "$out" '^\{"path":"/","available":\[.*\],"enabled":\[.*\],"on_v1":\[.*\]\}$' "controllers --json"
refuses 1 "cannot move pid 4194303 .*no such process" "attach of a dead pid" "$cgward" attach $top/a 4194303
first=$sleeper
start_sleeper
other=$sleeper sleeper=$first
refuses 1 "no such process" "attach is all or none" "$cgward" attach $top/json $other 4194303
is "$(cat "$mount$top/json/cgroup.procs")" "" "and puts back what it moved"
kill $other
wait $other 2>/dev/null
refuses 2 "'12x' is not a pid" "attach of no number" "$cgward" attach $top/a 12x
refuses 1 "no controller is named 'nonsense'" "enable an unknown controller" "$cgward" controllers $top +nonsense
refuses 2 "'junk' is neither \+NAME nor -NAME" "controllers with junk" "$cgward" controllers $top junk

# --- freeze, thaw, kill, wait, delete ---

succeeds "freeze" "$cgward" freeze $top/a
like "$(cat "$mount$top/a/cgroup.events")" 'frozen 1' "the state is reached when freeze returns"
refuses 1 "cannot thaw '$top/a/b': its ancestor '$top/a' is frozen" "thaw below a frozen group" \
	"$cgward" thaw $top/a/b
succeeds "thaw" "$cgward" thaw $top/a
like "$(cat "$mount$top/a/cgroup.events")" 'frozen 0' "the state is reached when thaw returns"
refuses 2 "cannot freeze the root group" "the root cannot be frozen" "$cgward" freeze /
refuses 1 "no such group: '$top/none'" "freeze of no group" "$cgward" freeze $top/a $top/none
like "$(cat "$mount$top/a/cgroup.freeze")" '^0$' "and the other group is not touched"
refuses 1 "it has 2 groups below" "delete of a group with children" "$cgward" delete $top/a
refuses 1 "it has processes: pid $sleeper \(sleep\)" "delete of a populated group names who is inside" \
	"$cgward" delete $top/a/b/c
refuses 1 "after 50 ms it still has pid $sleeper \(sleep\)" "wait --timeout" \
	"$cgward" wait --timeout 50ms $top/a
succeeds "kill waits for the end" "$cgward" kill $top/a
like "$(cat "$mount$top/a/cgroup.events")" 'populated 0' "nobody is left"
wait $sleeper 2>/dev/null
succeeds "wait on an empty group" "$cgward" wait $top/a
refuses 2 "'NONSENSE' is no signal" "kill with an unknown signal" "$cgward" kill -NONSENSE $top/a
"$cgward" run --detach --group $top/usr1 -- sh -c "trap 'echo got >$work/usr1; exit' USR1; echo up >$work/up; while :; do sleep 0.02; done" >/dev/null
until_true test -s "$work/up"
succeeds "kill -SIGNAL" "$cgward" kill -USR1 --timeout 60s $top/usr1
is "$(cat "$work/usr1")" got "the signal arrived"
succeeds "delete" "$cgward" delete $top/usr1
succeeds "delete --recursive" "$cgward" delete --recursive $top/a

# --- paths and settings that are wrong ---

refuses 2 "does not begin with '/'" "a relative group" "$cgward" show web
refuses 2 "begins with the mount point" "a group with the mount point" "$cgward" show "$mount/web"
refuses 2 "'\.' or '\.\.'" "a group with .." "$cgward" show /web/../etc
refuses 2 "empty component" "a group with //" "$cgward" show /web//x
refuses 1 "no such group" "a group that is not there" "$cgward" show $top/none
refuses 2 "'pid:x' is not pid:NUMBER" "pid: without a number" "$cgward" show pid:x
refuses 1 "no such process" "pid: of nobody" "$cgward" show pid:4194303
refuses 2 "it has no '='" "a setting without =" "$cgward" create $top/s -s memory.max
refuses 2 "'max' is not the name of a control file" "a setting of no file" "$cgward" create $top/s -s max=1
refuses 2 "cgward freeze does that" "a setting that is a command" "$cgward" create $top/s -s cgroup.freeze=1
refuses 2 "does not fit in 64 bits" "a number that is too large" "$cgward" create $top/s -s memory.max=99999999999G
refuses 2 "takes no percentage" "a percentage of no whole" "$cgward" create $top/s -s pids.max=5%
refuses 1 "no controller is named 'bogus'" "an unknown controller" "$cgward" create $top/s -s bogus.max=1
[ ! -e "$mount$top/s" ]
ok $? "nothing of that is left"
if has_controller hugetlb; then
	refuses 1 "controller 'hugetlb' has no file hugetlb.3MB.max in this kernel" "an unknown file" \
		"$cgward" create $top/s -s hugetlb.3MB.max=1
	refuses 1 "hint: hugetlb.2MB.max takes bytes \(512M\) or max" "a refused value tells the accepted form" \
		"$cgward" create $top/s -s hugetlb.2MB.max=lots
	[ ! -e "$mount$top/s" ]
	ok $? "and the group is not left"
	run_it "$cgward" run --group $top/huge -s hugetlb.2MB.max=64MiB -- cat "$mount$top/huge/hugetlb.2MB.max"
	is "$out" 67108864 "a limit is set, in plain numbers"
else
	skip "hugetlb limits" "no hugetlb controller: $(cat "$mount/cgroup.controllers")"
fi
if has_controller memory && has_controller pids && has_controller cpu; then
	run_it "$cgward" run --group $top/lim -s memory.max=64M -s pids.max=1K -s cpu.max=50% -- \
		sh -c "cd $mount$top/lim && cat memory.max pids.max cpu.max"
	is "$out" "$(printf '67108864\n1024\n50000 100000')" "memory, pids and cpu limits"
	run_it "$cgward" run -s memory.max=16M -s memory.swap.max=0 -- sh -c 'head -c 64M /dev/zero | tail -c 1 >/dev/null; tail /dev/zero'
	like "$err" "killed, out of memory.*oom_kill [1-9]" "run says when the kernel killed for memory"
	"$cgward" create $top/noint
	start_sleeper
	"$cgward" attach $top/noint $sleeper
	refuses 1 "cannot enable controller 'memory' in '$top/noint': it holds processes itself: pid $sleeper \(sleep\)" \
		"a populated parent" "$cgward" create $top/noint/child -s memory.max=1G
	[ ! -e "$mount$top/noint/child" ]
	ok $? "and no child is left"
	refuses 1 "holds processes itself" "nor is it made a threaded domain unasked" \
		"$cgward" create $top/noint/child -s pids.max=1
	kill $sleeper
	wait $sleeper 2>/dev/null
else
	refuses 1 "cgroup v1 holds controller 'memory' on this hybrid host" "a controller that v1 holds" \
		"$cgward" create $top/s -s memory.max=1G
	skip "memory, pids and cpu limits" "cgroup v1 holds them: $(cat "$mount/cgroup.controllers")"
fi

# --- devices ---

# opens NODE... inside group $1: what each open gave
opens() {
	local group=$1
	shift
	# shellcheck disable=SC2016
	sh -c 'echo $$ >"$0" && shift 0; for node; do if true <"$node"; then echo "$node"; fi; done' \
		"$mount$group/cgroup.procs" "$@" 2>/dev/null | xargs
}

run_it "$cgward" run --devices none -d 'allow c 1:3 rw' -- \
	sh -c 'echo x >/dev/null && echo null; head -c 1 /dev/zero | wc -c'
is "$out" "$(printf 'null\n0')" "run: the policy lets /dev/null through and not /dev/zero"
like "$err" "/dev/zero.*Operation not permitted" "the refusal is EPERM"
"$cgward" create $top/dev
refuses 1 "'$top/dev' has no cgward device policy" "devices show without a policy" "$cgward" devices show $top/dev
refuses 1 "has no cgward device policy" "devices allow without a policy" "$cgward" devices allow $top/dev c 1:3
succeeds "devices set" "$cgward" devices set $top/dev --devices none -d 'c 1:3 rw' -d /dev/full:r
is "$(opens $top/dev /dev/null /dev/zero /dev/full)" "/dev/null /dev/full" "what is allowed opens, the rest does not"
run_it "$cgward" devices show $top/dev
is "$(grep -v '^#' <<<"$out")" "$(printf 'deny a\nallow c 1:3 rw\nallow c 1:7 r')" "devices show prints rules"
like "$out" "^# cgward, ordered, set [0-9]+ s ago, program [0-9]+"$'\n' "and when they were set"
run_it "$cgward" --json devices set $top/dev --policy - <<<"$out"
like "$out" "^\{\"path\":\"$top/dev\",\"generation\":[0-9]+\}\$" "they can be set again"
generation=${out##*:}
run_it "$cgward" --json devices show $top/dev
like "$out" "^\{\"path\":\"$top/dev\",\"by\":\"cgward\",\"semantics\":\"ordered\",\"generation\":${generation%\}},\"class_bytes\":[0-9]+,\"program\":\"shared\",\"rules\":\[\"deny a\",\"allow c 1:3 rw\",\"allow c 1:7 r\"\],\"programs\":\[\]\}\$" \
	"and --json gives them and the same generation"
succeeds "devices allow" "$cgward" devices allow $top/dev c 1:5
succeeds "devices deny" "$cgward" devices deny $top/dev 'c 1:3 r' /dev/full
is "$(opens $top/dev /dev/null /dev/zero /dev/full)" "/dev/zero" "the policy was extended"
run_it "$cgward" devices check $top/dev c 1:3 rw
is "$out" "deny  by rule 'deny a' of '$top/dev'" "devices check: a denial"
run_it "$cgward" --json devices check $top/dev c 1:5 rw
is "$out" "{\"path\":\"$top/dev\",\"type\":\"c\",\"major\":1,\"minor\":5,\"access\":\"rw\",\"verdict\":\"allow\",\"rule\":\"allow c 1:5 rwm\",\"decided_by\":\"$top/dev\"}" \
	"devices check --json"
"$cgward" create $top/dev/child
run_it "$cgward" devices check $top/dev/child c 1:7 r
like "$out" "^deny .* of '$top/dev'\$" "devices check looks at the ancestors"
run_it "$cgward" devices show $top/dev/child
like "$out" "^# no cgward policy
# cgward has a say too: program [0-9]+ 'cgward_dev0', of '$top/dev', tag [0-9a-f]{16}, loaded [0-9]+ (s|min) ago\$" \
	"devices show names the policy of an ancestor"
run_it "$cgward" --json devices show $top/dev/child
like "$out" "^\{\"path\":\"$top/dev/child\",\"programs\":\[\{\"id\":[0-9]+,\"name\":\"cgward_dev0\",\"tag\":\"[0-9a-f]{16}\",\"by\":\"cgward\",\"age_s\":[0-9]+,\"attached_to\":\"$top/dev\",\"overrules\":false,\"observer\":false\}\]\}\$" \
	"and so does --json"
run_it "$cgward" devices check --devices oci - <<<"$(printf 'c 1:3 rw\nb 8:0 r\nb 8:0 m\nc 136:7 -\n')"
is "$out" "$(printf 'allow\ndeny\nallow\nallow')" "devices check answers a line a query"
run_it "$cgward" --json ls $top/dev
like "$out" '"devices":"cgward"' "ls says whose filter it is"
succeeds "devices clear" "$cgward" devices clear $top/dev
is "$(opens $top/dev /dev/null /dev/zero)" "/dev/null /dev/zero" "nothing is refused any more"
refuses 2 "column 10: minor 'x'" "a bad rule names the column" "$cgward" devices set $top/dev -d 'deny b 1:x'
printf 'deny a\n# a comment\nallow c 1:3 rwx\n' >"$work/bad"
refuses 2 "$work/bad:3:13: bad rule: 'rwx' is no access" "a bad file names line and column" \
	"$cgward" devices set $top/dev --policy "$work/bad"
refuses 2 "no device list and no file is named 'nonsense'" "an unknown list" "$cgward" devices set $top/dev --devices nonsense
refuses 2 "'/etc/passwd' is not a device" "a path that is no device" "$cgward" devices set $top/dev -d /etc/passwd
refuses 2 "no policy is given" "devices set without a policy" "$cgward" devices set $top/dev
run_it "$cgward" devices show $top/dev
is "$status" 1 "none of these attached anything"

printf '{"linux":{"resources":{"devices":[{"allow":false},{"allow":true,"type":"c","major":1,"minor":5}]}}}' \
	>"$work/config.json"
succeeds "devices set --policy with an OCI config.json" "$cgward" devices set $top/dev --policy "$work/config.json"
is "$(opens $top/dev /dev/null /dev/zero)" "/dev/zero" "its rules are in force"
printf '{"linux":{"resources":{"devices":[{"allow":false},{"type":"c","major":1,"minor":3,"access":"w"}]}}}' \
	>"$work/oci.json"
for semantics in ordered:deny runc:allow containerd:deny; do
	run_it "$cgward" devices check --oci "$work/oci.json" --semantics ${semantics%:*} c 1:3 w
	like "$out" "^${semantics#*:} " "--oci, ${semantics%:*}: can a rule deny what runtimes add?"
done
succeeds "devices set --oci" "$cgward" devices set $top/dev --oci "$work/oci.json" -d 'deny c 1:5'
is "$(opens $top/dev /dev/null /dev/zero /dev/full)" "/dev/null /dev/full" "its defaults are in force, and -d comes after"
printf '{"ociVersion":"1.0.2"}' >"$work/empty.json"
run_it "$cgward" devices check --oci "$work/empty.json" c 1:3 rw
like "$out" "^allow " "a config.json without device rules gets the defaults"
refuses 2 "$work/empty.json:1:1: there are no linux.resources.devices" "but is no rule file" \
	"$cgward" devices set $top/dev --policy "$work/empty.json"
refuses 2 "--oci is given twice" "two --oci" "$cgward" devices compile --oci "$work/empty.json" --oci x
run_it "$cgward" devices check --devices hypervisor - <<<"$(printf 'c 10:232 rw\nc 10:238 rw\nc 10:229 rw\n')"
is "$out" "$(printf 'allow\nallow\ndeny')" "the list hypervisor"
succeeds "devices set --fast" "$cgward" devices set $top/dev --fast --devices none -d 'c 1:3 rw'
is "$(opens $top/dev /dev/null /dev/zero)" "/dev/null" "the group's own program decides"
run_it "$cgward" devices show $top/dev
like "$out" "^# cgward, ordered, set [0-9]+ s ago, program [0-9]+, of its own"$'\n'"deny a"$'\n'"allow c 1:3 rw\$" "and is shown"
run_it "$cgward" devices check $top/dev c 1:5 r
is "$out" "deny  by rule 'deny a' of '$top/dev'" "and checked"
"$cgward" devices allow $top/dev c 1:5
is "$(opens $top/dev /dev/null /dev/zero)" "/dev/null /dev/zero" "it is extended"
"$cgward" diff --fix $top/dev --devices none -d 'c 1:7' >"$work/diff"
run_it "$cgward" --json devices show $top/dev
like "$out" '"program":"own","rules":\["deny a","allow c 1:7 rwm"\]' "allow and diff --fix leave the group its own program"
"$cgward" update $top/dev --devices none -d 'c 1:5'
run_it "$cgward" --json devices show $top/dev
like "$out" '"program":"shared","rules":\["deny a","allow c 1:5 rwm"\]' "without --fast it is a shared one again"
succeeds "create --fast" "$cgward" create $top/fast --fast --devices none -d 'c 1:7'
is "$(opens $top/fast /dev/null /dev/full)" "/dev/full" "and its policy is in force"
refuses 2 "--fast is about a device policy" "--fast without a policy" "$cgward" devices set $top/dev --fast
run_it "$cgward" run --fast --devices none -d 'c 1:3 rw' -- sh -c 'cat /dev/null && ! head -c 1 /dev/zero'
is "$status" 0 "run --fast"
succeeds "--replace-foreign where nobody else is" "$cgward" devices set $top/dev --devices oci --replace-foreign
printf '[{"allow":true,"access":"rwx"}]' >"$work/bad.json"
refuses 2 "$work/bad.json:1:[0-9]+: \[0\].access: 'rwx' is not letters" "a bad config.json names the place" \
	"$cgward" devices set $top/dev --policy "$work/bad.json"
run_it "$cgward" devices compile --devices none -d 'c 136:* rw' -d 'deny c 136:5 w'
is "$out" '{"entries":[{"type":"c","major":136,"minor":"*","verdicts":85},{"type":"c","major":136,"minor":5,"verdicts":5}],"default":{"b":0,"c":0}}' \
	"devices compile"
for semantics in ordered:deny runc:allow containerd:deny; do
	run_it "$cgward" devices check --devices all -d 'deny b 7:1 w' --semantics ${semantics%:*} b 7:1 rw
	like "$out" "^${semantics#*:} " "${semantics%:*}: is O_RDWR denied by a rule that denies w?"
done
refuses 2 "runc refuses rule 3, 'deny c 10:232 rwm'" "a list that runc refuses" \
	"$cgward" devices compile --devices none --semantics runc -d 'c 10:* rwm' -d 'deny c 10:232'
"$cgward" devices set $top/dev --devices runc --semantics runc 2>/dev/null
refuses 2 "cannot extend the device policy of '$top/dev': it was compiled as runc" \
	"devices allow on a runc policy" "$cgward" devices allow $top/dev c 10:229
awk 'BEGIN { for (i = 1; i <= 4097; i++) print "c 200:" i " rw" }' >"$work/full"
refuses 2 "more than the 4096 table entries that fit" "a list that is too long" \
	"$cgward" devices set $top/dev --policy "$work/full"
sed -i 1d "$work/full"
succeeds "a list of 4,096 entries" "$cgward" devices set $top/dev --policy "$work/full"
run_it "$cgward" devices check $top/dev c 200:4097 rw
like "$out" "^allow  by rule 'allow c 200:4097 rw'" "and its last entry is there"

# A loop opens three nodes while the policy changes to and fro: each open is decided by the
# old policy or the new one, never by both or neither. It goes on until it has seen both.
count=$((100000 / scale))
"$cgward" devices set $top/dev --devices none -d 'c 1:3 rw' 2>/dev/null
# shellcheck disable=SC2016
sh -c 'echo $$ >"$0" && exec "$@"' "$mount$top/dev/cgroup.procs" \
	"$opener" $count always:/dev/null never:/dev/full changes:/dev/zero >"$work/opener" &
pid=$!
switches=0
while kill -0 $pid 2>/dev/null; do
	"$cgward" devices set $top/dev --devices none -d 'c 1:3 rw' -d 'c 1:5 rw' 2>/dev/null
	"$cgward" devices set $top/dev --devices none -d 'c 1:3 rw' 2>/dev/null
	switches=$((switches + 2))
done
wait $pid
is "$?" 0 "$count rounds of opens while the policy switches"
[ $switches -gt 1 ]
ok $? "it switched $switches times meanwhile"
sed 's/^/# /' "$work/opener"

# --- the rest ---

run_it "$cgward" doctor
like "$out" '^device_policy +works' "doctor"
run_it "$cgward" --json doctor
like "$out" '^\{"feature":"cgroup2","works":true,"how":"(unified|hybrid) at ' "doctor --json"
run_it "$cgward" --json show $top/none
is "$err" "{\"error\":{\"code\":\"ENOENT\",\"message\":\"no such group: '$top/none'\",\"hint\":null}}" \
	"an error as JSON"
if [ "$(stat -f -c %T /sys/fs/bpf)" = bpf_fs ]; then
	refuses 1 "cannot unload: 1 group uses the device program: $top/dev" "unload names who uses the program" \
		"$cgward" unload
	"$cgward" devices clear $top/dev
	succeeds "unload" "$cgward" unload
	[ ! -e /sys/fs/bpf/cgward ]
	ok $? "and nothing is pinned any more"
	chmod 0755 /sys/fs/bpf
	mkdir -m 0777 /sys/fs/bpf/cgward
	chmod 0777 /sys/fs/bpf/cgward
	run_it "$cgward" devices set $top/dev --devices all
	like "$status $err" "^0 .*warning: not using /sys/fs/bpf/cgward: owner 0, mode 0777" \
		"a pin directory that others may write to is not used"
	rmdir /sys/fs/bpf/cgward
else
	skip "unload" "no bpffs on /sys/fs/bpf"
fi
if unshare -m true 2>/dev/null; then
	# shellcheck disable=SC2016
	run_it unshare -m sh -c 'umount /sys/fs/bpf 2>/dev/null; mount -t tmpfs none /sys/fs/bpf; exec "$0" "$@"' \
		"$cgward" -v devices set $top/dev --devices none
	is "$status" 0 "without bpffs the policy is set, unshared"
	is "$(opens $top/dev /dev/null)" "" "and in force"
	# shellcheck disable=SC2016
	run_it unshare -m sh -c 'mount -o remount,bind,ro "$0" && shift 0 && exec "$@"' "$mount" \
		"$cgward" create $top/ro
	like "$status $err" "^1 .*'$mount' is mounted read-only" "a read-only cgroupfs"
else
	skip "no bpffs, read-only cgroupfs" "unshare -m fails here (a chroot whose root is no mount)"
fi
if setpriv --help 2>/dev/null | grep -q reuid; then
	run_it setpriv --reuid 65534 --regid 65534 --clear-groups "$cgward" create $top/user
	like "$status $err" "^1 .*cannot create group '$top/user': Permission denied" "without privilege"
	like "$err" "belongs to uid 0.*CAP_DAC_OVERRIDE" "and the hint names what is missing"
	run_it setpriv --bounding-set=-net_admin,-sys_admin "$cgward" devices set $top/dev --devices none
	like "$status $err" "^1 .*CAP_NET_ADMIN is missing" "a missing capability is named"
else
	skip "without privilege" "no setpriv of util-linux here"
fi
done_testing
