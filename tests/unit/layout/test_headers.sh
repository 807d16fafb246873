#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone under the flags of the build, and a header that does not is noticed.
set -u
. "$(dirname "$0")/tap.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS

headers() { make --no-print-directory "B=$work/build" "$@" headers CI=1; }

# The same rule over a tree that has one header, which lacks an include.
notices() {
	mkdir -p "$work/tree/pipeline/base"
	cp Makefile "$work/tree/"
	printf '%s\n' '/* SPDX-License-Identifier: Apache-2.0 */' 'size_t length(void);' \
		>"$work/tree/pipeline/base/length.h"
	make --no-print-directory -C "$work/tree" headers >"$work/said" 2>&1 && return 1
	grep 'unknown type name .size_t' "$work/said"
}

check "every header compiles alone" headers
check "a header that lacks an include is noticed" notices
finish
