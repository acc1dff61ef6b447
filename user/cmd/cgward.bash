# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# Completion of cgward's command line for bash. Names and options come from the command itself.
# shellcheck shell=bash

# Where cgroup2 is mounted; nothing when it is not.
_cgward_mount() {
	local line root mount
	while read -r line; do
		[[ $line == *' - cgroup2 '* ]] || continue
		read -r _ _ _ root mount _ <<<"$line"
		[[ $root == / ]] || continue
		printf '%b' "$mount" # a blank is written \040
		return
	done </proc/self/mountinfo
}

# _cgward_add WORD...: those that begin with $cur
_cgward_add() {
	local word
	for word; do
		[[ $word != "$prefix$cur"* ]] || COMPREPLY+=("$word")
	done
}

_cgward_files() {
	local file
	compopt -o filenames 2>/dev/null
	while IFS= read -r file; do
		COMPREPLY+=("$prefix$file")
	done < <(compgen "${1:--f}" -- "$cur")
}

# Undo backslashes: systemd's names have them, as in system-getty\x2d.slice.
_cgward_unquote() {
	local text=${1//\\\\/$'\1'}
	text=${text//\\/}
	printf '%s' "${text//$'\1'/\\}"
}

# Paths of groups: the siblings that match, or the children of a group written out in full.
_cgward_groups() {
	local dir child found=() more='' path
	path=$(_cgward_unquote "$cur")
	# the mount point is no part of a path
	[[ -n $mount && ($path == /* || -z $path) && $path != "$mount"/* ]] || return
	for dir in "$mount/${path#/}"*/; do
		[[ -d $dir ]] && found+=("${dir%/}")
	done
	if [[ ${#found[@]} == 1 && ${found[0]} == "$mount$path" ]]; then
		for dir in "$mount$path"/*/; do
			[[ -d $dir ]] && found+=("${dir%/}")
		done
		[[ ${#found[@]} == 1 ]] || unset 'found[0]'
	fi
	for dir in "${found[@]}"; do
		printf -v path %q "${dir#"$mount"}"
		COMPREPLY+=("$prefix$path")
		[[ -z $more ]] || continue
		for child in "$dir"/*/; do
			[[ ! -d $child ]] || more=1
		done
	done
	[[ -z $more ]] || compopt -o nospace 2>/dev/null
}

# _cgward_words FILE: the words of a control file
_cgward_words() {
	local words=()
	[[ ! -r $mount/$1 ]] || read -ra words <"$mount/$1"
	echo "${words[*]}"
}

# FILE= of -s: what the controllers that are there can be told
_cgward_settings() {
	local controller dir kb file files='cgroup.max.depth cgroup.max.descendants cgroup.pressure'
	for controller in $(_cgward_words cgroup.controllers); do
		case $controller in
		cpu) files+=' cpu.idle cpu.max cpu.max.burst cpu.uclamp.max cpu.uclamp.min
			cpu.weight cpu.weight.nice' ;;
		cpuset) files+=' cpuset.cpus cpuset.cpus.exclusive cpuset.cpus.partition
			cpuset.mems' ;;
		hugetlb)
			for dir in /sys/kernel/mm/hugepages/hugepages-*kB; do
				kb=${dir##*-}
				kb=${kb%kB}
				[[ $kb =~ ^[0-9]+$ ]] || continue
				if ((kb >= 1048576)); then
					kb=$((kb / 1048576))GB
				elif ((kb >= 1024)); then
					kb=$((kb / 1024))MB
				else
					kb+=KB
				fi
				files+=" hugetlb.$kb.max hugetlb.$kb.rsvd.max"
			done
			;;
		io) files+=' io.latency io.max io.weight' ;;
		memory) files+=' memory.high memory.low memory.max memory.min memory.oom.group
			memory.swap.high memory.swap.max memory.zswap.max memory.zswap.writeback' ;;
		misc | pids | rdma) files+=" $controller.max" ;;
		esac
	done
	compopt -o nospace 2>/dev/null
	for file in $files; do
		_cgward_add "$prefix$file="
	done
}

# Commands; _cgward_names FIRST: the second words of those whose first word is that
_cgward_names() {
	local name last=
	while IFS=$'\t' read -r name _; do
		if [[ $# == 0 && ${name%% *} != "$last" ]]; then
			last=${name%% *}
			_cgward_add "$last"
		elif [[ $# != 0 && $name == "$1 "* ]]; then
			_cgward_add "${name#* }"
		fi
	done <<<"$names"
}

# _cgward_options COMMAND: those it has, with a = after each that takes a value
_cgward_options() {
	local name options
	while IFS=$'\t' read -r name options; do
		[[ $name != "$1" ]] || echo "$options"
	done <<<"$names"
}

# Kinds of events
_cgward_kinds() {
	_cgward_add "$prefix"{created,frozen,hugetlb.max,misc.max,other,overflow,pids.max} \
		"$prefix"{populated,pressure,removed} \
		"$prefix"memory.{high,low,max,oom,oom_group_kill,oom_kill,swap.{fail,high,max}}
}

# _cgward_units TYPES: units that systemd has loaded
_cgward_units() {
	local unit manager=()
	[[ " ${words[*]} " != *' --user '* ]] || manager=(--user)
	while read -r unit _; do
		_cgward_add "$prefix$unit"
	done < <(systemctl "${manager[@]}" list-units --all --plain --no-legend --type "$1" 2>/dev/null)
}

# _cgward_value OPTION: what may follow it
_cgward_value() {
	case $1 in
	--cgroup-root | --cwd) _cgward_files -d ;;
	--device | -d | --oci | --output | --policy | --record | --refine) _cgward_files ;;
	--devices)
		_cgward_add "$prefix"{all,basic,hypervisor,none,oci,runc}
		_cgward_files
		;;
	--env)
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -P "$prefix" -S = -e -- "$cur")
		;;
	--fields) # a list: only what follows the last comma is open
		prefix+=${cur%"${cur##*,}"}
		cur=${cur##*,}
		_cgward_add "$prefix"{cgroup,pids,cpu,memory,numa,io,psi,rdma,misc,dmem,hugetlb,devices}
		_cgward_add "$prefix"{pids.current,cpu.stat,memory.current,memory.stat,io.stat}
		;;
	--group) _cgward_groups ;;
	--http) ;;
	--kinds)
		[[ $cur != *,* ]] || prefix+=${cur%,*},
		cur=${cur##*,}
		if [[ $command == replay ]]; then
			_cgward_add "$prefix"{freeze,oom,deny,lifecycle} \
				"$prefix"lifecycle.{attached,created,populated,released,removed,written}
		else
			_cgward_kinds
		fi
		;;
	--pressure)
		compopt -o nospace 2>/dev/null
		_cgward_add "$prefix"{cpu,io,memory}:{full,some}: "${prefix}irq:full:"
		;;
	--until) _cgward_kinds && _cgward_add "$prefix"{frozen,populated}={0,1} ;;
	--semantics) _cgward_add "$prefix"{containerd,ordered,runc} ;;
	--slice) _cgward_units slice ;;
	--set | -s) [[ $cur == *=* ]] || _cgward_settings ;;
	--timeout) _cgward_add "${prefix}none" ;;
	--user) mapfile -t COMPREPLY < <(compgen -P "$prefix" -u -- "$cur") ;;
	esac
}

# _cgward_argument COMMAND NUMBER FIRST: the NUMBERth word that is no option, FIRST being the first
_cgward_argument() {
	local name file pid
	case $1:$2 in
	help:1) _cgward_names ;;
	help:2) _cgward_names "$3" ;;
	'trace start:1') ;;
	'trace stop:1')
		while read -r name _; do
			_cgward_add "$name"
		done < <("${words[0]/#\~/$HOME}" trace list 2>/dev/null)
		;;
	trace:1 | 'trace start:2')
		prefix+=${cur%"${cur##*,}"}
		cur=${cur##*,}
		_cgward_add "$prefix"{freeze,oom,deny,lifecycle}
		[[ $1 != trace || -n $prefix ]] || _cgward_names trace
		;;
	trace:* | 'trace start':*) _cgward_groups ;;
	replay:1) _cgward_files ;;
	attach:1 | controllers:1 | create:1 | devices*:1 | ls:1 | show:1) _cgward_groups ;;
	delete:* | events:* | freeze:* | kill:* | stat:* | thaw:* | wait:*) _cgward_groups ;;
	'scope show':* | 'scope stop':*) _cgward_units scope,slice ;;
	'scope start:1') ;;
	attach:* | 'scope start':*)
		for pid in /proc/[0-9]*; do
			_cgward_add "${pid#/proc/}"
		done
		;;
	controllers:*)
		file=$(_cgward_unquote "$3")/cgroup.controllers
		[[ $cur != -* ]] || file=${file%/*}/cgroup.subtree_control
		for name in $(_cgward_words "${file#/}"); do
			_cgward_add "${cur:0:1}$name"
		done
		;;
	'devices check:2' | 'devices allow:2' | 'devices deny:2') _cgward_add b c ;;
	esac
}

# The current word is one of what run runs, the NUMBERth of them; FIRST is its place on the line.
_cgward_command() {
	if declare -F _command_offset >/dev/null; then
		_command_offset "$2"
	elif [[ $1 == 1 && $cur != */* ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u)
	else
		_cgward_files
	fi
}

# bash cuts words at : and =: put them together again. Sets words, places, cur and lead.
_cgward_split() {
	local i breaks='' line=$COMP_LINE
	for ((i = 0; i <= COMP_CWORD; i++)); do
		lead=${line%%[![:blank:]]*}
		if [[ $i != 0 && -z $lead ]]; then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
			places+=("$i")
		fi
		line=${line:${#lead}+${#COMP_WORDS[i]}}
	done
	cur=${words[-1]}
	unset 'words[-1]'
	[[ $COMP_WORDBREAKS != *:* ]] || breaks+=:
	[[ $COMP_WORDBREAKS != *=* ]] || breaks+='='
	lead=
	# shellcheck disable=SC2295 # a set of characters, meant as a pattern
	[[ -z $breaks ]] || lead=${cur%"${cur##*[$breaks]}"}
}

# _cgward_takes WORD: an option whose value is the next word
_cgward_takes() {
	case $1 in
	--cgroup-root) ;;
	-s) [[ $options == *--set=* ]] ;;
	-d) [[ $options == *--device=* ]] ;;
	*) [[ " $options " == *" $1= "* ]] ;;
	esac
}

# What stands before the current word: sets command, options, taking, ended, n, first, place, mount.
_cgward_scan() {
	local i word
	for ((i = 1; i < ${#words[@]}; i++)); do
		word=${words[i]}
		if [[ -n $taking ]]; then
			[[ $taking != --cgroup-root ]] || mount=${word/#\~/$HOME}
			taking=
		elif [[ -n $ended || $word != -* || $word == - ]]; then
			if [[ -z $command ]]; then
				command=$word
			elif [[ $command == @(devices|scope) || "$command $word" == trace\ @(start|stop|list) ]]; then
				command+=" $word"
			else
				((++n))
				first=${first:-$word}
				place=${place:-${places[i]}}
				[[ $command != run ]] || ended=1
			fi
			options=$(_cgward_options "$command")
		elif [[ $word == --cgroup-root=* ]]; then
			mount=${word#*=}
		elif [[ $word == -- ]]; then
			ended=1
			# after GROUP or NAME comes what it runs
			[[ $command != @(devices learn|scope start) || $n == 0 ]] ||
				place=${places[i + 1]}
		elif _cgward_takes "$word"; then
			taking=$word
		fi
	done
	mount=${mount%/}
	place=${place:-${places[i]}}
}

# Options of the command, and what else may begin with a dash.
_cgward_dashes() {
	local word
	for word in $options; do
		_cgward_add "${word%=}"
	done
	[[ $options != *--set=* ]] || _cgward_add -s
	[[ $options != *--device=* ]] || _cgward_add -d
	if [[ $command == kill && ${words[-1]} == kill ]]; then
		for word in $(compgen -A signal SIG); do
			_cgward_add "-${word#SIG}"
		done
	fi
}

_cgward() {
	local words=() places=() cur lead prefix='' mount names
	local command='' options='' taking='' ended='' first='' place='' n=0 i
	COMPREPLY=()
	_cgward_split
	mount=$(_cgward_mount)
	names=$("${words[0]/#\~/$HOME}" help --names 2>/dev/null)
	_cgward_scan

	if [[ -n $taking ]]; then
		_cgward_value "$taking"
	elif [[ $command == run && ($ended || $cur != -*) ]]; then
		_cgward_command $((n + 1)) "$place"
	elif [[ $command == @(devices learn|scope start) && $ended && $n != 0 ]]; then
		_cgward_command "$n" "$place"
	elif [[ -z $ended && $cur == --*=* ]]; then
		prefix=${cur%%=*}=
		cur=${cur#*=}
		_cgward_value "${prefix%=}"
	elif [[ -z $command && $cur == -* ]]; then
		_cgward_add --cgroup-root --help --json --quiet --verbose --version
	elif [[ -z $command ]]; then
		_cgward_names
	elif [[ $command == @(devices|scope) ]]; then
		_cgward_names "$command"
	elif [[ $command == controllers && $n != 0 && $cur == -* && $cur != --* ]]; then
		_cgward_argument "$command" $((n + 1)) "$first"
	elif [[ -z $ended && $cur == -* ]]; then
		_cgward_dashes
	else
		# with --policy there is no GROUP before the query
		[[ $command != 'devices check' || " ${words[*]}" != *' --policy'* ]] || ((++n))
		_cgward_argument "$command" $((n + 1)) "$first"
	fi

	# readline replaces only what follows the last : or =
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$lead"}
	done
}

complete -F _cgward cgward
