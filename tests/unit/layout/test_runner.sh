#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/run itself: whatever way a program fails, it is counted, and the last line says so.
set -u
. "$(dirname "$0")/tap.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS

program() { # name, then lines of a shell script
	mkdir -p "$work/$(dirname "$1")"
	file=$work/$1
	shift
	printf '%s\n' '#!/bin/sh' "$@" >"$file"
	chmod +x "$file"
}

# the expected last line, the expected status, then arguments of tests/run
ends_with() {
	expected=$1 expected_status=$2
	shift 2
	tests/run "$@" >"$work/said" 2>&1
	status=$?
	cat "$work/said"
	[ "$(tail -n 1 "$work/said")" = "$expected" ] && [ "$status" -eq "$expected_status" ] &&
		[ "$(grep -c ' passed, [0-9]* failed$' "$work/said")" -ge 1 ]
}

says() { grep -F "$1" "$work/said"; }

program good 'echo 1..2' 'echo ok 1 - a' 'echo ok 2 - b'
program noting 'echo 1..1' 'echo "note: 5 rules, 5 proven"' 'echo ok 1 - a'
program plan_last 'echo ok 1 - a' 'echo 1..1'
program bad 'echo 1..2' 'echo ok 1 - a' 'echo not ok 2 - b' 'exit 1'
program skips 'echo 1..1' 'echo "not ok 1 # SKIP x"'
program crash 'echo 1..3' 'echo ok 1 - a' 'kill -SEGV $$'
program leak 'echo 1..1' 'echo ok 1 - a' 'exit 23'
program lost 'echo 1..3' 'echo ok 1 - a'
program silent ':'
program hang 'echo 1..2' 'echo ok 1 - a' 'while :; do read -r x <"$0"; done'
program tests/scenario/test_x 'echo 1..1' \
	'echo "ok 1 - with $SLUICE_TEST_SHARDS"' 'test "$SLUICE_TEST_SHARDS" = 1'

check "counts what passed" ends_with '3 passed, 0 failed' 0 "$work/good" "$work/plan_last"
check "counts what failed" ends_with '3 passed, 1 failed' 1 "$work/bad" "$work/good"
check "shows the failing output" says 'not ok 2 - b'
check "a skipped test has failed" ends_with '0 passed, 1 failed' 1 "$work/skips"
check "a crash fails the tests that were still to come" \
	ends_with '1 passed, 2 failed' 1 "$work/crash"
check "names the signal" says 'killed by signal 11'
check "a bad exit status fails" ends_with '1 passed, 1 failed' 1 "$work/leak"
check "tests that never report have failed" ends_with '1 passed, 2 failed' 1 "$work/lost"
check "a program without a test has failed" ends_with '2 passed, 1 failed' 1 \
	"$work/silent" "$work/good"
check "a program that hangs is killed and has failed" \
	ends_with '3 passed, 1 failed' 1 --timeout 1 "$work/hang" "$work/good"
check "names the time limit" says 'no end within 1 s'
check "a missing program has failed" ends_with '0 passed, 1 failed' 1 "$work/nothing"
check "no program at all is a failure" ends_with '0 passed, 1 failed' 1
check "a scenario runs once for each number of shards" \
	ends_with '2 passed, 1 failed' 1 --shards '1 3' "$work/tests/scenario/test_x"
check "labels the runs" says 'scenario/test_x,shards=3 (exit status 1): 1 passed, 1 failed'
program slow 'echo 1..1' 'until [ -e '"$work"'/go ]; do :; done' 'echo ok 1 - a'
# The result of a good program is read while a slow one still runs: it ends when that has come.
comes_at_once() {
	rm -f "$work/go"
	tests/run --jobs 2 "$work/slow" "$work/good" | while read -r word label rest; do
		echo "$word $label $rest"
		case $label in *good:) touch "$work/go" ;; esac
	done >"$work/said"
	tail -n 1 "$work/said" | grep -x '3 passed, 0 failed'
}
check "a result comes when it is there" comes_at_once
check "and says how long it took" grep -E '^ok .*good: 2 \([0-9]+\.[0-9] s\)$' "$work/said"
check "a good program may have something to say" ends_with '1 passed, 0 failed' 0 "$work/noting"
check "and it is shown" says '      5 rules, 5 proven'
check "six programs" ends_with '9 passed, 0 failed' 0 --timeout 60 "$work/good" "$work/good" \
	"$work/good" "$work/plan_last" "$work/plan_last" "$work/plan_last"
check "what took longest stands at the end" says 'what took longest:'
finish
