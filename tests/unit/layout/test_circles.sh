#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Files depend on each other one way: the rule holds for this build, and the checker finds circles that are
# planted.
set -u
here=$(dirname "$0")
. "$here/tap.sh"

compile() { # path without .o, text
	mkdir -p "$work/$(dirname "$1")"
	echo "$2" >"$work/$1.c"
	${CC:-cc} -c -o "$work/$1.o" "$work/$1.c"
}

finds() { # what the checker has to say; objects
	said=$1
	shift
	(cd "$work" && SLUICE_BUILD= "$checker" "$@" >found) && return 1
	cat "$work/found"
	grep -q "$said" "$work/found"
}

passes() {
	(cd "$work" && SLUICE_BUILD= "$checker" "$@")
}

of_this_build() {
	# shellcheck disable=SC2046 # a list of paths without blanks
	"$here/check_circles" $(tr ' ' '\n' <"${SLUICE_BUILD:?}/objects.list" | sed "s|^build/[^/]*/|$SLUICE_BUILD/|" |
		grep -v -e '/gen/' -e '/llhttp/')
}

checker=$(cd "$here" && pwd)/check_circles
compile a/one 'void two(void); void one(void); void one(void) { two(); }'
compile b/two 'void one(void); void two(void); void two(void) { one(); }'
compile a/two 'void one(void); void two(void); void two(void) { one(); }'
compile b/end 'void two(void); void two(void) {}'
compile a/p 'void q(void); void p(void); void p(void) { q(); }'
compile a/q 'void r(void); void q(void); void q(void) { r(); }'
compile a/r 'void s(void); void r(void); void r(void) { s(); }'
compile a/s 'void p(void); void s(void); void s(void) { p(); }'
compile a/t 'void p(void); void s(void); void s(void) {}'

check 'no circle of this build is wider than it may be' of_this_build
check 'two folders that need each other are found' finds 'several folders: a/one.o b/two.o' a/one.o b/two.o
check 'two files of one folder may need each other' passes a/one.o a/two.o
check 'one way is no circle' passes a/one.o b/end.o
check 'four files of one folder are too many' finds 'a circle of 4 files:' a/p.o a/q.o a/r.o a/s.o
check 'a chain of four is fine' passes a/p.o a/q.o a/r.o a/t.o
check 'no objects are no proof' finds 'no objects'
finish
