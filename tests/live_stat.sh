#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# cgward stat: text, JSON, what Prometheus reads, one answer over HTTP.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cgward=${CGWARD:-build/cgward}
recorded=$(dirname "$0")/data/stat/cgroup

top=/cgwtest-$$-stat
live_begin

# openmetrics FILE: is every line what OpenMetrics 1.0 allows? Prints what is wrong.
openmetrics() {
	awk '
	function bad(why) { print "line " NR ": " why ": " $0; wrong = 1 }
	function ends(s, end) { return substr(s, length(s) - length(end) + 1) == end }
	# a family begins with its first metadata; it must not have been there before
	function enter(name) {
		if (name == family)
			return
		if (name in seen)
			bad("family " name " is in pieces")
		seen[name] = 1
		family = name
		type = "unknown"
		samples = help = unit = ""
	}
	done { bad("after the end") }
	$0 == "# EOF" { done = 1; next }
	/^# (HELP|TYPE|UNIT) / {
		if ($3 !~ /^[a-z_][a-z0-9_]*$/)
			bad("bad name")
		enter($3)
		if (samples != "")
			bad("metadata after samples")
	}
	/^# HELP / { if (help++ || NF < 4 || /\\/) bad("bad help"); next }
	/^# TYPE / {
		if (type != "unknown" || $4 !~ /^(gauge|counter)$/ || NF != 4)
			bad("bad type")
		type = $4
		next
	}
	/^# UNIT / {
		if (unit != "" || NF != 4 || !ends($3, "_" $4))
			bad("unit is no suffix")
		unit = $4
		next
	}
	/^#/ { bad("unknown comment"); next }
	{
		name = $0
		sub(/[{ ].*/, "", name)
		rest = substr($0, length(name) + 1)
		base = name
		if (type == "counter" && !sub(/_total$/, "", base))
			bad("a counter without _total")
		if (base != family)
			bad("a sample of another family")
		if (ends(base, "_total"))
			bad("_total where none belongs")
		samples = "yes"
		key = name
		if (substr(rest, 1, 1) == "{") {
			rest = substr(rest, 2)
			n = split("", labels)
			while (match(rest, /^[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*"/)) {
				label = substr(rest, 1, RLENGTH)
				rest = substr(rest, RLENGTH + 1)
				key = key " " label
				sub(/=.*/, "", label)
				if (label in labels)
					bad("label " label " twice")
				labels[label] = 1
				if (substr(rest, 1, 1) == ",")
					rest = substr(rest, 2)
				else
					break
			}
			if (substr(rest, 1, 1) != "}")
				bad("bad labels")
			rest = substr(rest, 2)
		}
		if (rest !~ /^ (\+Inf|[0-9]+(\.[0-9]+)?)$/)
			bad("bad number")
		if (type == "counter" && rest == " +Inf")
			bad("a counter without end")
		if (key in keys)
			bad("comes twice")
		keys[key] = 1
	}
	END {
		if (!done) {
			print "no # EOF"
			wrong = 1
		}
		exit wrong
	}' "$1"
}

# valid NAME COMMAND...: its output is OpenMetrics
valid() {
	local name=$1
	shift
	"$@" >"$work/metrics" 2>"$work/err"
	passes "$name" openmetrics "$work/metrics"
}

# --- a recorded group, with every file there is ---

stat_recorded() {
	"$cgward" --cgroup-root "$recorded" stat "$@"
}

run_it stat_recorded /web --fields memory.current,memory.max,memory.swap.high \
	--fields cpu.pressure.some,io.max.8:0.wbps
is "$out" "cpu.pressure.some.avg10   1.23
cpu.pressure.some.avg60   0.45
cpu.pressure.some.avg300  0.06
cpu.pressure.some.total   7546
memory.current            21393408
memory.max                209715200
memory.swap.high          max
io.max.8:0.wbps           max" "text: a metric a line, as the kernel writes them"
run_it stat_recorded --human /web \
	--fields memory.current,cpu.stat.user_usec,cpu.pressure.some.avg10,pids.current
is "$out" "pids.current             4
cpu.stat.user_usec       0.155s
cpu.pressure.some.avg10  1.23
memory.current           20.4M" "--human"
run_it stat_recorded --json /bare
is "$out" '{"path":"/bare","cgroup.stat":{"nr_descendants":0,"nr_dying_descendants":0},"cgroup.stat.local":{"frozen_usec":1500000},"cgroup.events":{"populated":1,"frozen":0},"cgroup.max.depth":"max","cgroup.max.descendants":100,"cpu.stat":{"usage_usec":3,"user_usec":1,"system_usec":2},"cpu.stat.local":{"throttled_usec":110000}}' \
	"JSON of a group without controllers"
run_it stat_recorded --json /web --fields psi,io.stat,memory.max,memory.high,memory.swap.max \
	--fields memory.zswap.max,memory.numa_stat.anon,misc.max,cpu.max
is "$out" '{"path":"/web","cpu.max":{"quota":50000,"period":100000},"cpu.pressure":{"some":{"avg10":1.23,"avg60":0.45,"avg300":0.06,"total":7546},"full":{"avg10":0.50,"avg60":0.00,"avg300":0.00,"total":5611}},"memory.high":104857600,"memory.max":209715200,"memory.swap.max":1048576,"memory.zswap.max":"max","memory.numa_stat":{"anon":{"N0":0,"N1":0}},"memory.pressure":{"some":{"avg10":0.00,"avg60":0.00,"avg300":0.00,"total":0},"full":{"avg10":0.00,"avg60":0.00,"avg300":0.00,"total":0}},"io.stat":{"8:0":{"rbytes":2285568,"wbytes":688128,"rios":107,"wios":168,"dbytes":4096,"dios":1},"259:0":{"rbytes":1,"wbytes":2,"rios":3,"wios":4,"dbytes":5,"dios":6,"cost.vrate":100.25,"cost.usage":1532009,"cost.wait":1477289,"cost.indebt":11,"cost.indelay":12}},"io.pressure":{"some":{"avg10":0.00,"avg60":0.00,"avg300":0.00,"total":0},"full":{"avg10":0.00,"avg60":0.00,"avg300":0.00,"total":0}},"irq.pressure":{"full":{"avg10":0.01,"avg60":0.00,"avg300":0.00,"total":12}},"misc.max":{"sev":10,"sev_es":"max"}}' \
	"JSON: objects as the files are"
run_it stat_recorded --json --fields memory.stat.anon,memory.stat.file,memory.current /
is "$out" '{"path":"/","memory.stat":{"anon":307200,"file":43126784},"memory.current":43433984,"source":{"memory.current":"memory.stat"}}' \
	"JSON names what the root's numbers come from"
valid "OpenMetrics of a recorded machine" stat_recorded --all --openmetrics
for line in 'cgroup_memory_current_bytes{cgroup="/web"} 21393408' \
	'cgroup_cpu_usage_seconds_total{cgroup="/web"} 0.655046' \
	'cgroup_cpu_usage_seconds_total{cgroup="/bare"} 0.000003' \
	'cgroup_memory_events_total{cgroup="/web",event="oom_kill"} 1' \
	'cgroup_pressure_ratio{cgroup="/web",resource="cpu",scope="some",window="10s"} 0.0123' \
	'cgroup_pids_max{cgroup="/web"} 512' \
	'cgroup_memory_swap_high_bytes{cgroup="/web"} +Inf' \
	'cgroup_io_bytes_total{cgroup="/web",device="8:0",op="read"} 2285568' \
	'cgroup_io_cost_vrate_ratio{cgroup="/web",device="259:0"} 1.0025' \
	'cgroup_hugetlb_current_bytes{cgroup="/web",size="2MB"} 4194304' \
	'cgroup_memory_current_bytes{cgroup="/",source="memory.stat"} 43433984' \
	'# UNIT cgroup_cpu_usage_seconds seconds' '# TYPE cgroup_cpu_usage_seconds counter'; do
	grep -Fqx "$line" "$work/metrics"
	ok $? "$line"
done
run_it stat_recorded --prometheus /web --fields cpu.stat.usage_usec,memory.current
is "$out" '# HELP cgroup_cpu_usage_seconds_total CPU time
# TYPE cgroup_cpu_usage_seconds_total counter
cgroup_cpu_usage_seconds_total{cgroup="/web"} 0.655046
# HELP cgroup_memory_current_bytes Memory in use
# TYPE cgroup_memory_current_bytes gauge
cgroup_memory_current_bytes{cgroup="/web"} 21393408' "--prometheus"

cp -r "$recorded/.." "$work/tree"
weird=$work/tree/cgroup/'we"ird\name'
cp -r "$recorded/bare" "$weird"
echo "new_in_7 5" >>"$work/tree/cgroup/web/memory.stat"
valid "OpenMetrics with names that need escapes, keys of a newer kernel" \
	"$cgward" --cgroup-root "$work/tree/cgroup" stat --all --openmetrics
grep -Fqx 'cgroup_populated{cgroup="/we\"ird\\name"} 1' "$work/metrics"
ok $? "a path is escaped"
grep -Fqx 'cgroup_other{cgroup="/web",file="memory.stat",key="new_in_7"} 5' "$work/metrics"
ok $? "a key of a newer kernel is there"
echo "oops" >"$work/tree/cgroup/web/memory.max"
refuses 1 "cannot read memory.max of '/web': 'oops' is no number" "content that is no number" \
	"$cgward" --cgroup-root "$work/tree/cgroup" stat /web

# --- wrong usage ---

refuses 2 "no metric is named 'memory.nothing'" "an unknown field" "$cgward" stat / --fields memory.nothing
refuses 2 "fields is empty" "no field" "$cgward" stat / --fields ''
refuses 2 "which group" "no group" "$cgward" stat
refuses 1 "no such group: '$top/none'" "a group that is not there" "$cgward" stat $top/none
run_it "$cgward" stat --json --openmetrics /
like "$status $err" '^2 .*another format' "two formats"
run_it "$cgward" stat $top --openmetrics --prometheus
like "$status $err" '^2 .*two formats' "and two for Prometheus"
refuses 2 "--human is for text" "--human for Prometheus" "$cgward" stat --human --openmetrics /
refuses 2 "two ways" "a file and HTTP" "$cgward" stat / --output "$work/x" --http 0
refuses 2 "goes with --http" "--timeout alone" "$cgward" stat / --timeout 1s
refuses 2 "is not \[ADDRESS:\]PORT" "a port that is none" "$cgward" stat / --http 70000
refuses 2 "is not \[ADDRESS:\]PORT" "a name for an address" "$cgward" stat / --http localhost:9101

# --- live ---

"$cgward" create $top/a/b
run_it "$cgward" --json stat $top/a
like "$out" "^\{\"path\":\"$top/a\",.*\"cgroup.max.depth\":\"max\".*\"cpu.stat\":\{\"usage_usec\":[0-9]+," "JSON, live"
run_it "$cgward" --json stat --all $top --fields cgroup.events
is "$(wc -l <<<"$out")" 3 "--all reads every group below"
run_it "$cgward" stat $top/a $top/a/b --fields cgroup.stat.nr_descendants
is "$out" "$top/a
  cgroup.stat.nr_descendants  1

$top/a/b
  cgroup.stat.nr_descendants  0" "several groups, each under its name"
valid "OpenMetrics of this machine" "$cgward" stat --all --openmetrics
valid "a group named twice comes once" "$cgward" stat --all --openmetrics $top $top/a /
valid "OpenMetrics of one group" "$cgward" stat --openmetrics $top/a
(
	while :; do
		mkdir "$mount$top/restless"
		rmdir "$mount$top/restless"
	done
) 2>/dev/null &
pid=$!
failed=0
for _ in {1..20}; do
	"$cgward" stat --all --openmetrics $top >"$work/metrics" 2>"$work/err" &&
		openmetrics "$work/metrics" >>"$work/wrong" || failed=$((failed + 1))
done
kill $pid
wait $pid 2>/dev/null
is "$failed:$(cat "$work/err" "$work/wrong")" "0:" "groups may vanish while all are read"

umask 022
succeeds "--output" "$cgward" stat $top --openmetrics --output "$work/cgroups.prom"
passes "the file is whole" openmetrics "$work/cgroups.prom"
is "$(stat -c %a "$work/cgroups.prom")" 644 "others may read it"
before=$(cat "$work/cgroups.prom")
refuses 1 "no such group" "--output of what fails" \
	"$cgward" stat $top/none --openmetrics --output "$work/cgroups.prom"
is "$(cat "$work/cgroups.prom")" "$before" "leaves the file as it was"
is "$(find "$work" -name '.cgroups*')" "" "and nothing beside it"
refuses 1 "cannot write a file beside '$work/none/x'" "--output where there is no directory" \
	"$cgward" stat $top --output "$work/none/x"

# --- HTTP ---

ip link set lo up 2>/dev/null

# serve OPTIONS...: start it, wait until it listens; sets pid and port
serve() {
	rm -f "$work/http.err" # it names the port of the last one
	"$cgward" stat "$@" --timeout 100s >"$work/http.out" 2>"$work/http.err" &
	pid=$!
	until_true grep -q 'listening on' "$work/http.err"
	port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$work/http.err")
}

# ask REQUEST: the whole answer
ask() {
	exec 9<>"/dev/tcp/127.0.0.1/$port" || return
	# shellcheck disable=SC2059 # it is a format
	printf "$1" >&9
	tr -d '\r' <&9
	exec 9>&-
}

serve $top --http 127.0.0.1:0
if answer=$(ask 'POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n' 2>/dev/null); then
	like "$answer" '^HTTP/1.0 405 ' "POST is refused"
	like "$answer" '^Allow: GET$' "and told what is not"
	like "$(ask 'HEAD / HTTP/1.0\r\n\r\n')" '^HTTP/1.0 405 ' "so is HEAD"
	like "$(ask 'nonsense\r\n\r\n')" '^HTTP/1.0 405 ' "and nonsense"
	like "$(ask 'GET /etc/passwd HTTP/1.0\r\n\r\n')" '^HTTP/1.0 404 ' "another path is not found"
	exec 8<>"/dev/tcp/127.0.0.1/$port" # says nothing, for five seconds
	began=$SECONDS
	answer=$(ask 'GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n')
	exec 8>&-
	wait $pid
	is "$?" 0 "one scrape, and it ends"
	[ $((SECONDS - began)) -lt 80 ]
	ok $? "a silent client does not keep it"
	like "$answer" '^HTTP/1.0 200 OK$' "the scrape is answered"
	like "$answer" '^Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8$' "with its type"
	sed '1,/^$/d' <<<"$answer" >"$work/metrics"
	passes "and is OpenMetrics" openmetrics "$work/metrics"
	like "$answer" "^Content-Length: $(wc -c <"$work/metrics")\$" "of the length told"
	serve $top --prometheus --http 0
	like "$(ask 'GET / HTTP/1.0\n\n')" '^Content-Type: text/plain; version=0.0.4; charset=utf-8$' \
		"--prometheus --http"
	wait $pid
	serve $top/gone --http 0
	like "$(ask 'GET / HTTP/1.0\r\n\r\n')" '^HTTP/1.0 500 ' "a failure is one for the client too"
	wait $pid
	is "$?" 1 "and for the caller"
	like "$(cat "$work/http.err")" "no such group: '$top/gone'" "who is told why"
	refuses 1 "nobody asked 127.0.0.1:0 in time" "--timeout" \
		"$cgward" -q stat $top --http 127.0.0.1:0 --timeout 100ms
else
	kill $pid
	wait $pid 2>/dev/null
	skip "HTTP" "127.0.0.1 cannot be reached"
fi
done_testing
