#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make` where a package is missing: one line that says what to do, before anything is compiled.
set -u
. tests/unit/layout/tap.sh

# All commands but those in $@.
commands_without() {
	rm -rf "$work/bin"
	mkdir "$work/bin"
	ln -s /usr/bin/* "$work/bin"
	for hidden; do
		rm -f "$work/bin/$hidden"
	done
}

make_says_what_to_do() {
	! env -u MAKEFLAGS -u MAKELEVEL -u MODE "$@" make >"$work/make" 2>&1 || return 1
	cat "$work/make"
	grep -q 'run `make deps`' "$work/make" || return 1
	! grep -qi 'not found\|no such file\|no package' "$work/make"
}

commands_without protoc-c
check "without the protobuf compiler" make_says_what_to_do PATH="$work/bin"
commands_without gcc cc
check "without a compiler" make_says_what_to_do PATH="$work/bin"
commands_without g++ c++
check "without one for C++" make_says_what_to_do PATH="$work/bin"
mkdir "$work/pc"
for pc in $(pkg-config --variable pc_path pkg-config | tr : ' '); do
	[ ! -d "$pc" ] || ln -sf "$pc"/*.pc "$work/pc"
done
rm "$work/pc/re2.pc"
check "without RE2" make_says_what_to_do PKG_CONFIG_LIBDIR="$work/pc"
commands_without mmdebstrap
check "without what another machine needs" \
	make_says_what_to_do PATH="$work/bin" CROSS=riscv64-linux-gnu
commands_without pkg-config
check "without pkg-config" make_says_what_to_do PATH="$work/bin"
check "without a library" make_says_what_to_do PKG_CONFIG_LIBDIR="$work"
finish
