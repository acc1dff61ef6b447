#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# The build in all its variants, in a copy of the tree; what is installed, and what uses that.
# shellcheck disable=SC2317 # functions are run by passes
set -u
here=$(dirname "$(realpath "$0")")
# shellcheck source=tests/tap.sh
. "$here/tap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM HUP
src=$tmp/src prefix=$tmp/prefix
strict=(-Wall -Wextra -Werror -O2)
# This runs under make: what the outer one was told is not for those run here.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES O V BPF SYSTEMD SANITIZE WERROR CC CFLAGS CPPFLAGS \
	LDFLAGS CLANG BPFTOOL DESTDIR PREFIX LIBDIR SBINDIR INCLUDEDIR MANDIR COMPDIR
version=$(sed -n 's/^VERSION = //p' "$here/../Makefile")

copy_tree() {
	mkdir "$1"
	tar -C "$here/.." --exclude='./build*' --exclude=./.git --exclude='./skeletons/*.skel.h' \
		--exclude='./cgward-*.tar.xz' -c . | tar -x -C "$1"
}

build() {
	make -C "$src" --no-print-directory -j2 "$@"
}

lacks() {
	echo "$*"
	return 4
}

# silent COMMAND...: passes when it does and prints nothing
silent() {
	local out
	out=$("$@" 2>&1) && [ -z "$out" ] && return
	echo "$out"
	return 1
}

files() {
	(cd "$1" && find . "${@:2}" \( -type f -o -type l \) | LC_ALL=C sort)
}

# --- compilers, verbosity, incremental builds ---

compiles_with() {
	if ! command -v "$1" >/dev/null; then
		lacks "no $1 here"
		return
	fi
	silent build -s CC="$1" O="build-$1" WERROR=1 all tests
}

shows_commands() {
	touch "$src/user/lib/path.c"
	build O=build-gcc CC=gcc V=1 >"$tmp/verbose" && grep -q -- '-c user/lib/path.c' "$tmp/verbose" &&
		! grep -q '^  CC ' "$tmp/verbose"
}

# rebuilds FILE WANTED UNWANTED: what touching FILE does; patterns of lines that make prints
rebuilds() {
	touch "$src/$1"
	build O=build-gcc CC=gcc all tests >"$tmp/rebuilt" || return
	cat "$tmp/rebuilt"
	local want
	for want in $2; do
		grep -q "$want\$" "$tmp/rebuilt" || { echo "$want was not rebuilt" && return 1; }
	done
	[ -z "$3" ] || ! grep -E "($3)\$" "$tmp/rebuilt"
}

# A build directory that never made the skeletons has no depfile of theirs.
other_directory_knows() {
	build -s O=build-clang CC=clang || return
	rm -rf "$src"/build-*/bpf
	touch "$src/user/include/cgward/policy.h"
	build O=build-other skeletons/device.skel.h | grep 'SKEL'
}

other_directory() {
	local before
	before=$(files "$src" ! -path './build*')
	silent build -s O="$tmp/elsewhere" || return
	[ -x "$tmp/elsewhere/cgward" ] && diff <(echo "$before") <(files "$src" ! -path './build*')
}

objects_are_stable() {
	copy_tree "$tmp/again"
	make -C "$tmp/again" -s O=out out/bpf/device.bpf.o || return
	build -s O=build-a build-a/bpf/device.bpf.o || return
	cmp "$src/build-a/bpf/device.bpf.o" "$tmp/again/out/bpf/device.bpf.o"
}

licensed_to_the_kernel() {
	local object
	for object in "$src"/build-a/bpf/*.bpf.o; do
		readelf -p license "$object" | tee "$tmp/license"
		grep -q '\[ *0\]  Dual BSD/GPL$' "$tmp/license" || return
	done
}

compiles_again() {
	build O=build-gcc CC=cc all >"$tmp/rebuilt" || return
	cat "$tmp/rebuilt"
	grep -q 'lib/path.o$' "$tmp/rebuilt" && grep -q 'cmd/main.o$' "$tmp/rebuilt"
}

echo "TAP version 13"
copy_tree "$src"
passes "gcc builds all and the tests without a warning, make -s prints nothing" compiles_with gcc
passes "clang does too" compiles_with clang
passes "a second make has nothing to do" build -q O=build-gcc CC=gcc all tests
passes "a second make -s prints nothing" silent build -s O=build-gcc CC=gcc all tests
passes "V=1 shows the commands" shows_commands
passes "a change of one file compiles that file" \
	rebuilds user/lib/path.c lib/path.o 'lib/[a-oq-z].*o|cmd/.*o|SKEL.*'
passes "a change of policy.h makes the skeleton and its users anew" \
	rebuilds user/include/cgward/policy.h 'device.skel.h lib/device_loader.o lib/policy.o' ''
passes "a change of a BPF program compiles its loader" \
	rebuilds bpf/device.bpf.c 'device.skel.h lib/device_loader.o' 'lib/path.o|cmd/.*o'
passes "then again there is nothing to do" build -q O=build-gcc CC=gcc all tests
passes "another compiler compiles everything again" compiles_again
passes "a new build directory sees a change of policy.h" other_directory_knows
passes "O= elsewhere leaves the tree as it was" other_directory
passes "two builds of the BPF objects are the same, wherever they are made" objects_are_stable
passes "BPF objects are licensed Dual BSD/GPL" licensed_to_the_kernel

# --- without BPF, without systemd ---

without_bpf() {
	silent build -s O=build-nobpf BPF=0 CLANG=false BPFTOOL=false WERROR=1 all tests || return
	! readelf -d "$src/build-nobpf/cgward" "$src/build-nobpf/libcgward.so" | grep libbpf
}

says_without_bpf() {
	local out status=0
	out=$("$src/build-nobpf/cgward" devices show / 2>&1) || status=$?
	echo "$out"
	[ $status = 1 ] && grep -q 'built without BPF' <<<"$out"
}

nobpf_features() {
	"$src/build-nobpf/cgward" --version | grep -e "^cgward $version .*-bpf"
}

without_systemd() {
	silent build -s O=build-nosd SYSTEMD=0 WERROR=1 all || return
	"$src/build-nosd/cgward" --version | grep -e '-systemd' &&
		! grep -q libsystemd "$src/build-nosd/cgward"
}

says_without_systemd() {
	local out status=0
	out=$("$src/build-nosd/cgward" scope start web $$ 2>&1) || status=$?
	echo "$out"
	[ $status = 1 ] && grep -q 'built without systemd' <<<"$out" &&
		"$src/build-nosd/cgward" doctor | grep 'systemd *missing *this libcgward was built without'
}

# Loaded at first use: who needs no unit does not pay for it.
does_not_link_systemd() {
	"$src/build-gcc/cgward" --version | grep -e '+systemd' &&
		! readelf -d "$src/build-gcc/cgward" "$src/build-gcc/libcgward.so" | grep libsystemd
}

passes "BPF=0 builds all and the tests without clang, bpftool and libbpf" without_bpf
passes "BPF=0: devices show says that it is built without" says_without_bpf
passes "BPF=0: --version says -bpf" nobpf_features
passes "SYSTEMD=0 builds" without_systemd
passes "SYSTEMD=0: scope and doctor say that it is built without" says_without_systemd
passes "libsystemd is not linked" does_not_link_systemd

# --- ABI, kernel types, licences ---

abi=(user/include/cgward/cgward.h user/lib/libcgward.map build-gcc/libcgward.so)

refuses_abi() {
	! (cd "$src" && scripts/check-abi "$@") >"$tmp/abi" || return
	cat "$tmp/abi"
}

abi_without() {
	sed '/cgw_free;/d' "$src/${abi[1]}" >"$tmp/map"
	refuses_abi "${abi[0]}" "$tmp/map" "${abi[2]}" && [ "$(grep -c cgw_free "$tmp/abi")" = 2 ]
}

abi_with_more() {
	sed 's/cgw_free;/&\ncgw_nothing;/' "$src/${abi[1]}" >"$tmp/map"
	refuses_abi "${abi[0]}" "$tmp/map" "${abi[2]}" && grep -q 'not exported: cgw_nothing' "$tmp/abi"
}

abi_undocumented() {
	sed 's,^CGW_API int cgw_new(,\n&,' "$src/${abi[0]}" >"$tmp/header.h"
	refuses_abi "$tmp/header.h" "${abi[1]}" "${abi[2]}" &&
		grep -q 'not documented: cgw_new' "$tmp/abi"
}

passes "check-abi passes" make -C "$src" -s O=build-gcc check-abi
passes "check-abi misses a name removed from the map" abi_without
passes "check-abi finds a name that nothing defines" abi_with_more
passes "check-abi finds a function without a comment" abi_undocumented

# vmlinux STATUS PATTERN [SED-SCRIPT]: check-vmlinux with an altered vmlinux.h
vmlinux() {
	local status=0 want=$1
	mkdir -p "$tmp/types/scripts" "$tmp/types/vmlinux"
	cp "$src/scripts/check-vmlinux" "$tmp/types/scripts"
	sed "${3-}" "$src/vmlinux/vmlinux.h" >"$tmp/types/vmlinux/vmlinux.h"
	"$tmp/types/scripts/check-vmlinux" >"$tmp/types/out" 2>&1 || status=$?
	cat "$tmp/types/out"
	[ $status != 4 ] || return 4
	[ $status = "$want" ] && grep -q "$2" "$tmp/types/out"
}

passes "check-vmlinux passes on this kernel" vmlinux 0 ' 0 wrong'
passes "check-vmlinux finds a member that is not there" \
	vmlinux 1 'major_number: the kernel has no' 's/__u32 major;/__u32 major_number;/'
passes "check-vmlinux finds a member of another size" \
	vmlinux 1 'has 8 bytes, in the kernel 4' 's/__u32 minor;/__u64 minor;/'
passes "check-vmlinux finds a context's member at another place" \
	vmlinux 1 'is at bit 64, in the kernel at 32' 's/__u32 major;/__u32 pad___x; &/'
passes "check-vmlinux finds another value" \
	vmlinux 1 'is 20, in the kernel 19' 's/= 19/= 20/'
passes "check-vmlinux notes what only a flavour has" \
	vmlinux 0 'note: struct file___v9.*nor need it be' '/^#endif/i struct file___v9 { int v; };'

# Data, lists and texts carry no mark: what they are is said in LICENSE.
licensed() {
	local file bad=0
	while read -r file; do
		head -n 2 "$src/$file" | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause$' ||
			head -n 1 "$src/$file" | grep -q 'LGPL-2.1-or-later OR BSD-2-Clause \*/$' ||
			{ echo "no licence: $file" && bad=1; }
	done < <(cd "$src" && find Makefile .ci bench bpf scripts tests user vmlinux -type f \
		! -path 'tests/corpus/*' ! -path 'tests/data/*' ! -name '*.map' ! -name '*.pc.in' ! -name '*.scd' ! -name '*.md')
	return $bad
}

passes "each source file has its licence" licensed

# --- headers ---

# alone COMPILER LANGUAGE HEADERS FLAG...: each header compiles by itself, twice included too
alone() {
	local compiler=$1 language=$2 header
	if ! command -v "$compiler" >/dev/null; then
		lacks "no $compiler here"
		return
	fi
	for header in $3; do
		printf '#include "%s"\n#include "%s"\n' "$header" "$header" >"$tmp/alone.h"
		(cd "$src" && "$compiler" -x "$language" "${strict[@]}" -fsyntax-only -I . "${@:4}" \
			-include "$tmp/alone.h" /dev/null) || return
	done
}

public=$(cd "$src" && ls user/include/cgward/*.h)
private=$(cd "$src" && ls user/lib/*.h user/cmd/*.h bench/*.h)
passes "public headers compile alone in C99, pedantically" \
	alone gcc c "$public" -std=c99 -pedantic -I user/include
passes "public headers compile alone in C++11, pedantically" \
	alone g++ c++ "$public" -std=c++11 -pedantic -I user/include
passes "private headers compile alone" \
	alone gcc c "$private" -std=gnu11 -D_GNU_SOURCE -Wno-unused -Wno-missing-field-initializers \
	-I user/include -I user/lib -I user/cmd -I skeletons

# --- install and what is done with it ---

expected="./etc-less/include/cgward/cgward.h
$(cd "$src/bpf" && printf './etc-less/include/cgward/%s\n' *.bpf.c | grep -v /own. | sed 's/bpf.c$/skel.h/')
./etc-less/include/cgward/policy.h
./etc-less/include/cgward/trace.h
./etc-less/lib/libcgward.a
./etc-less/lib/libcgward.so
./etc-less/lib/libcgward.so.0
./etc-less/lib/libcgward.so.0.$version
./etc-less/lib/pkgconfig/libcgward.pc
./etc-less/sbin/cgward
./etc-less/share/bash-completion/completions/cgward
./etc-less/share/man/man3/libcgward.3
./etc-less/share/man/man8/cgward.8"

staged() {
	silent build -s O=build-gcc DESTDIR="$tmp/stage" PREFIX=/etc-less install || return
	diff <(sort <<<"$expected") <(files "$tmp/stage" | sort)
}

unstaged() {
	silent build -s O=build-gcc DESTDIR="$tmp/stage" PREFIX=/etc-less uninstall || return
	[ -z "$(files "$tmp/stage")" ] && [ ! -e "$tmp/stage/etc-less/include/cgward" ]
}

installed() {
	silent build -s O=build-gcc PREFIX="$prefix" install || return
	[ "$(config --modversion)" = "$version" ] &&
		[ "$(config --variable=libdir)" = "$prefix/lib" ] &&
		"$prefix/sbin/cgward" --version | grep -q "^cgward $version"
}

config() {
	PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config "$@" libcgward
}

cat >"$tmp/program.c" <<'E1'
#include <cgward/cgward.h>
#include <stdio.h>

int main(void)
{
	struct cgw *c;

	if (cgw_new(&c))
		return 1;
	printf("%s%s\n", cgw_version(), cgw_strerror(c));
	cgw_free(c);
	return 0;
}
E1
cp "$tmp/program.c" "$tmp/program.cc"

# program COMPILER SOURCE shared|static: make it by pkg-config and run it
program() {
	local flags libs needed=0
	if ! command -v "$1" >/dev/null; then
		lacks "no $1 here"
		return
	fi
	rm -f "$tmp/program"
	if [ "$3" = shared ]; then
		flags=$(config --cflags) libs=$(config --libs) needed=1
	else
		flags=$(config --static --cflags)
		libs=$(config --static --libs | sed 's/-lcgward/-l:libcgward.a/')
	fi
	# shellcheck disable=SC2086 # lists of flags
	"$1" "${strict[@]}" $flags -o "$tmp/program" "$2" $libs || return
	[ "$(readelf -d "$tmp/program" | grep -c 'NEEDED.*libcgward.so.0\]')" = $needed ] || return
	[ "$(LD_LIBRARY_PATH=$prefix/lib "$tmp/program")" = "$version" ]
}

cat >"$tmp/skeleton.c" <<'E2'
#include <cgward/policy.h>
#include <cgward/device.skel.h>

int main(void)
{
	struct cgw_device_bpf *skel = cgw_device_bpf__open();
	int wrong = !skel || bpf_map__value_size(skel->maps.cgward_policy2) !=
				     sizeof(struct cgw_policy_value_2);

	cgw_device_bpf__destroy(skel);
	return wrong;
}
E2

skeleton() {
	"$1" -x "$2" "${strict[@]}" -Wno-sign-compare -I "$prefix/include" -o "$tmp/skeleton" \
		"$tmp/skeleton.c" -lbpf && "$tmp/skeleton"
}

if [ -e "$src/user/man/cgward.8.scd" ] && [ -e "$src/user/cmd/cgward.bash" ]; then
	passes "install puts each file in its place" staged
	passes "uninstall leaves none" unstaged
	passes "install with another PREFIX; pkg-config knows it" installed
	passes "a C program with the shared library" program gcc "$tmp/program.c" shared
	passes "a C program with the static library" program gcc "$tmp/program.c" static
	passes "a C++ program with the shared library" program g++ "$tmp/program.cc" shared
	passes "a C++ program with the static library" program g++ "$tmp/program.cc" static
	passes "a program with the skeleton alone" skeleton gcc c
	passes "a C++ program with the skeleton alone" skeleton g++ c++
else
	skip "install" "the manual or the completion is not written yet"
fi

# --- manual ---

manual() {
	silent build -s O=build-gcc man || return
	command -v groff >/dev/null || return 0
	local page
	for page in "$src"/build-gcc/man/*; do
		silent groff -man -Tutf8 -ww -z "$page" || return
	done
}

# The first literal block with a main function, its indent taken away.
example() {
	awk '
		/^```/ {
			if (inside && text ~ /int main\(/)
				exit
			inside = !inside
			text = ""
			next
		}
		inside { text = text $0 "\n" }
		END { printf "%s", text }
	' "$src/user/man/libcgward.3.scd" >"$tmp/example.c"
	grep -q 'int main(' "$tmp/example.c" || { echo "no example" && return 1; }
	"$1" "${strict[@]}" -D_GNU_SOURCE -I "$src/user/include" -o "$tmp/example" "$tmp/example.c" \
		"$src/build-gcc/libcgward.so" -Wl,-rpath,"$src/build-gcc"
}

if [ -e "$src/user/man/libcgward.3.scd" ]; then
	passes "the manual is made and formatted without a warning" manual
	passes "the example of libcgward(3) compiles" example gcc
	passes "the example compiles with clang" example clang
else
	skip "manual" "not written yet"
fi
passes "the completion is shell" bash -n "$src/user/cmd/cgward.bash"

# --- tarball ---

tarball() {
	build -s O=build-gcc dist && mv "$src/cgward-$version.tar.xz" "$tmp" || return
	touch "$src/Makefile"
	SOURCE_DATE_EPOCH=1 build -s O=build-gcc dist && mv "$src/cgward-$version.tar.xz" "$tmp/1" &&
		SOURCE_DATE_EPOCH=1 build -s O=build-gcc dist && cmp "$src/cgward-$version.tar.xz" "$tmp/1"
}

complete() {
	tar -C "$tmp" -xf "$tmp/cgward-$version.tar.xz" || return
	diff <(files "$src" ! -path './build*' ! -name 'cgward-*.tar.xz' | sed 's,^./bpf/$,,') \
		<(files "$tmp/cgward-$version" ! -name .skeletons-shipped) &&
		[ -e "$tmp/cgward-$version/bpf/.skeletons-shipped" ]
}

from_tarball() {
	silent make -C "$tmp/cgward-$version" -j2 -s CLANG=false BPFTOOL=false WERROR=1 || return
	touch "$tmp/cgward-$version"/{bpf/device.bpf.c,user/include/cgward/policy.h}
	silent make -C "$tmp/cgward-$version" -j2 -s CLANG=false BPFTOOL=false &&
		"$tmp/cgward-$version/build/cgward" --version | grep -q "^cgward $version .*+bpf"
}

cleaned() {
	local out
	build clean O=build-gcc || return
	out=$(files "$src" -path './build-gcc*' -o -name '*.skel.h')
	[ -z "$out" ] || { echo "$out" && return 1; }
}

passes "dist gives the same bytes again" tarball
passes "the tarball has every file, and the skeletons" complete
passes "the tarball builds without clang and bpftool" from_tarball
passes "clean leaves nothing" cleaned

done_testing
