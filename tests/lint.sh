#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# What tools and the house style say of the sources.
# shellcheck disable=SC2317 # functions are run by passes
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$(realpath "$0")")/tap.sh"
cd "$(dirname "$(realpath "$0")")/.." || exit 1

mapfile -t shell < <(ls .ci/run bench/run scripts/* tests/*.sh user/cmd/*.bash)
mapfile -t c < <(ls bench/*.[ch] bpf/*.[ch] tests/*.[ch] user/*/*.[ch] user/include/cgward/*.h)
mapfile -t every < <(find . -path './.git' -prune -o -path './build*' -prune -o -type f \
	! -name '*.skel.h' ! -name '*.tar.xz' -print)
flags=(-D_GNU_SOURCE -Iuser/include -Iuser/lib -Iskeletons
	-DCGWARD_VERSION='""' -DCGWARD_FEATURES='""')

# with TOOL COMMAND...: run it, or skip where there is no TOOL
with() {
	command -v "$1" >/dev/null || { echo "no $1 here" && return 4; }
	"${@:2}"
}

# memleak, resourceLeak: it knows nothing of __attribute__((cleanup)); ASan and valgrind look.
check_cpp() {
	cppcheck -q --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
		--suppress=memleak --suppress=resourceLeak --suppress=missingIncludeSystem \
		-D'LIBBPF_OPTS(t,n,...)=struct t n={__VA_ARGS__}' "${flags[@]}" user bench tests
}

tidy() {
	local log
	log=$(printf '%s\n' user/*/*.c bench/*.c | xargs -P "$(nproc)" -I FILE \
		clang-tidy --quiet FILE -- -std=gnu11 "${flags[@]}" 2>/dev/null) && return
	grep -E '(warning|error):' <<<"$log" | sed "s,$PWD/,," | sort -u
	return 1
}

# nothing COMMAND...: passes when it prints nothing
nothing() {
	local out
	out=$("$@")
	[ -z "$out" ] && return
	echo "$out"
	return 1
}

long_functions() {
	awk '
		FNR == 1 { begin = 0 }
		/^[a-zA-Z].*\(/ { name = $0 }
		/^{/ { begin = FNR }
		/^}/ && begin {
			if (FNR - begin - 1 > 80)
				print FILENAME ":" begin ": " FNR - begin - 1 " lines: " name
			begin = 0
		}' "${c[@]}"
}

# The public header is a manual.
long_files() {
	wc -l "${c[@]}" "${shell[@]}" Makefile |
		awk '$1 > 600 && $2 != "total" && $2 != "user/include/cgward/cgward.h"'
}

# A message may make a line longer.
long_lines() {
	local file
	for file in "${c[@]}" "${shell[@]}"; do
		expand -t 8 "$file" | awk -v file="$file" \
			'length > 100 && !/["`\047]/ { print file ":" FNR ": " length " columns" }'
	done
}

untidy_lines() {
	grep -nE '[[:blank:]]$' "${c[@]}" "${shell[@]}" Makefile
	grep -nE '^ +[^ *]' "${c[@]}"
}

unfinished() {
	grep -nwE 'TOD[O]|FIXM[E]|XX[X]' "${every[@]}"
}

# Nothing here may refer to where it was written, or to what is not here.
elsewhere() {
	grep -nE '/wor[k]/|\.\./share[d]' "${every[@]}"
}

echo "TAP version 13"
passes "shellcheck" with shellcheck shellcheck -x "${shell[@]}"
passes "cppcheck" with cppcheck check_cpp
passes "clang-tidy" with clang-tidy tidy
passes "gofmt" with gofmt nothing gofmt -l bench/peers
passes "no function has more than 80 lines" nothing long_functions
passes "no file has more than 600 lines" nothing long_files
passes "no line has more than 100 columns" nothing long_lines
passes "no blanks at ends of lines, tabs for indents" nothing untidy_lines
passes "nothing is marked as unfinished" nothing unfinished
passes "nothing refers to what is elsewhere" nothing elsewhere
done_testing
