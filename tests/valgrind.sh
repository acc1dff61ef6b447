#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# The unit tests under valgrind: no invalid access, no leak.
# shellcheck disable=SC2317 # functions are run by passes
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$(realpath "$0")")/tap.sh"

programs=("${CGW_TESTS:-build/tests}"/{fuzz,unit}_*[a-z])
export CGW_SCALE=${CGW_SCALE:-100}

# Children that tests make are programs of their own; nothing of them is looked at.
clean() {
	valgrind -q --leak-check=full --error-exitcode=99 "$1" </dev/null
}

echo "TAP version 13"
if ! command -v valgrind >/dev/null; then
	echo "1..0 # SKIP no valgrind here"
	exit 4
fi
for program in "${programs[@]}"; do
	[ ! -x "$program" ] || passes "${program##*/}" clean "$program"
done
done_testing
