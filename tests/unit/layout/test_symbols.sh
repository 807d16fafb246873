#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Exported symbols have users: the rule holds for this build, and the checker finds a symbol that is
# planted without one.
set -u
here=$(dirname "$0")
. "$here/tap.sh"
tree=$work/tree
mkdir -p "$tree/tests"

compile() { # name, text
	echo "$2" >"$work/$1.c"
	${CC:-cc} -c -o "$work/$1.o" "$work/$1.c"
}

library_of() { # objects
	rm -f "$work/lib.a"
	ar rcs "$work/lib.a" "$@"
}

finds() { # what the checker has to say
	"$here/check_symbols" "$work/lib.a" "$work/main.o" "$tree" >"$work/found" && return 1
	cat "$work/found"
	grep -q "$1" "$work/found"
}

passes() {
	"$here/check_symbols" "$work/lib.a" "$work/main.o" "$tree"
}

compile main 'void used(void); int main(void) { used(); return 0; }'
compile part 'void lonely(void); void used(void); extern int data; void used(void) { lonely(); } void lonely(void) { data++; }'
compile data 'int data; const char *const words[] = {"a"}; static int own; int *at(void); int *at(void) { return &own; }'
compile good 'extern int data; void used(void); void used(void) { data++; }'
compile only_data 'int data;'

check 'every exported symbol of this build has a user' \
	"$here/check_symbols" "${SLUICE_BUILD:?}/libsluice.a" "$SLUICE_BUILD/cmd/sluice.o" .
library_of "$work/part.o" "$work/data.o"
check 'a function that only its own file calls is found' finds '^part.o: lonely '
check 'a table without a user is found' finds '^data.o: words '
check 'a function without a caller is found' finds '^data.o: at '
library_of "$work/good.o" "$work/only_data.o"
check 'what others use is fine' passes
library_of "$work/part.o" "$work/only_data.o"
echo 'static void test(void) { lonely(); }' >"$tree/tests/test_part.c"
check 'a test is a user' passes
: >"$work/empty.c"
${CC:-cc} -c -o "$work/empty.o" "$work/empty.c"
library_of "$work/empty.o"
check 'a library without symbols is no proof' finds 'defines nothing'
finish
