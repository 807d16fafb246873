#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lint/tidy against a made-up clang-tidy: what it remembers, what it looks at again, what it
# leaves for the next run.
set -u
. "$(dirname "$0")/tap.sh"

mkdir "$work/bin" "$work/tree"
cat >"$work/bin/clang-tidy" <<'END'
#!/bin/sh
if [ "$1" = --version ]; then
	echo "version ${TIDY_VERSION-1}"
	exit
fi
echo "$2" >>calls
! grep -n fault "$2"
END
chmod +x "$work/bin/clang-tidy"
tidy=$PWD/tests/lint/tidy
cd "$work/tree" || exit 1
echo 'Checks: all' >.clang-tidy
echo 'int one = SIZE;' >one.c
echo 'int two;' >two.c
export PATH="$work/bin:$PATH" XDG_CACHE_HOME="$work/cache" LEFT=left

# Runs it on the file ${2} with further flags; the file was looked at ${1} times then.
looked() {
	expected=$1
	shift
	rm -f calls
	"$tidy" "$@" || return 1
	[ "$(cat calls 2>/dev/null | wc -l)" -eq "$expected" ]
}

finds_it_again_and_again() {
	echo 'int fault;' >two.c
	! looked 1 two.c && ! looked 1 two.c && "$tidy" two.c 2>&1 | grep '^1:int fault'
}

leaves_it() {
	echo 'int three;' >two.c
	LINT_UNTIL=1 looked 0 two.c && [ "$(cat left)" = two.c ]
}

check "a file is looked at" looked 1 one.c -DSIZE=1
check "what has passed is not looked at again" looked 0 one.c -DSIZE=1
check "other flags are another text" looked 1 one.c -DSIZE=2
echo 'int one = SIZE;// NOLINT' >one.c
check "a comment is a change, it may be for clang-tidy" looked 1 one.c -DSIZE=1
echo 'Checks: some' >.clang-tidy
check "other checks look again" looked 1 one.c -DSIZE=1
export TIDY_VERSION=2
check "another version looks again" looked 1 one.c -DSIZE=1
check "a fault is found each time, and shown" finds_it_again_and_again
check "after its time no file is begun, and the file is named" leaves_it
check "what has passed needs no time" env LINT_UNTIL=1 "$tidy" one.c -DSIZE=1
check "the next run looks at what was left" looked 1 two.c
finish
