#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The form of files: the rules hold for this tree, and the checker finds each kind of breach when one
# is planted.
set -u
here=$(dirname "$0")
. "$here/tap.sh"
tree=$work/tree
license='/* SPDX-License-Identifier: Apache-2.0 */'
head='/* Counts what has to be counted, one thread at a time. */'

write() { # path, then one line of text per argument
	mkdir -p "$tree/$(dirname "$1")"
	path=$1
	shift
	printf '%s\n' "$@" >"$tree/$path"
}

lines() { # number of lines
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) print "\tcount++;" }'
}

function_of() { # lines between its braces
	printf 'void count(void)\n{\n'
	lines "$1"
	printf '}\n'
}

sound_tree() {
	rm -rf "$tree"
	write pipeline/base/count.c "$license" "$head" "$(function_of 48)"
	write pipeline/base/count.h "$license" '/*' ' * Counters of' ' * all kinds, shared by threads.' ' */'
	write cmd/run.c "$license" "$head" 'static int count;'
}

finds() { # what the checker has to say
	"$here/check_files" "$tree" >"$work/found" && return 1
	cat "$work/found"
	grep -q "$1" "$work/found"
}

passes() {
	"$here/check_files" "$tree"
}

check 'the rules hold for this tree' "$here/check_files" .
sound_tree
check 'a sound tree passes' passes
write pipeline/base/count.c "$license" '#include <stdio.h>'
check 'a file without a paragraph is found' finds 'count.c:2: no paragraph'
write pipeline/base/count.c "$license" '/* See pipeline.h. */' '#include <stdio.h>'
check 'a few words are no paragraph' finds 'count.c:2: no paragraph'
write pipeline/base/count.c "$license" '' "$head"
check 'the paragraph is at the top' finds 'count.c:2: no paragraph'
sound_tree
write cmd/run.h "$license" '#ifndef X' '#endif'
check 'a header has one, too' finds 'run.h:2: no paragraph'
sound_tree
write cmd/run.c "$head" 'static int count;'
check 'a file without a license is found' finds 'run.c:1: .*license'
sound_tree
write exporters/nop/nop.c "$license" "$head" "$(function_of 49)"
check 'a function of 51 lines is found' finds 'nop.c:4: a function of 51 lines'
sound_tree
write exporters/nop/nop.c "$license" "$head" "$(lines 448)"
check 'a file of 450 lines passes' passes
write exporters/nop/nop.c "$license" "$head" "$(lines 449)"
check 'a file of 451 lines is found' finds 'nop.c: 451 lines, at most 450'
sound_tree
write pipeline/trace/otlp/view.h "$license" "$head" "$(lines 480)"
check 'an exception has a bound of its own' passes
write pipeline/trace/otlp/view.h "$license" "$head" "$(lines 700)"
check 'and keeps it' finds 'view.h: 702 lines, at most'
write pipeline/trace/otlp/view.h "$license" "$head"
check 'an exception that nobody needs is found' finds 'view.h: .* need no bound'
finish
