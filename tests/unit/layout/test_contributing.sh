#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The worked examples of CONTRIBUTING.md and docs/adding-components.md, done literally: their code
# blocks go into a copy of the tree, which is built; then the example's own test runs, and the program
# that all of them are part of. What is compiled
# already is copied along, so that only the example is compiled here.
set -u
. "$(dirname "$0")/tap.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS
tree=$work/tree
build=${SLUICE_BUILD:-$PWD/build/release}
mode=${build##*/}

copy_tree() {
	sources="pipeline receivers processors exporters connectors extensions cmd"
	mkdir -p "$tree/build/$mode" "$tree/tests" &&
		cp -a Makefile proto $(ls -d $sources configs 2>/dev/null) "$tree" &&
		cp -a tests/run $(ls -d tests/support 2>/dev/null) "$tree/tests" || return 1
	for part in libsluice.a objects.list gen llhttp $sources; do
		[ ! -e "$build/$part" ] || cp -a "$build/$part" "$tree/build/$mode/" || return 1
	done
}

# Blocks are fenced with "```LANGUAGE PATH" or, to add to a file, "```LANGUAGE append PATH".
extract() {
	awk -v tree="$tree" '
		/^```[a-z]+ / {
			path = tree "/" $NF
			folder = path
			sub(/\/[^\/]*$/, "", folder)
			system("mkdir -p \"" folder "\"")
			if ($2 != "append")
				printf "" >path
			inside = 1
			blocks++
			next
		}
		/^```/ { if (inside) close(path); inside = 0; next }
		inside { print >>path }
		END { exit blocks != 9 }' CONTRIBUTING.md docs/adding-components.md
}

in_copy() { (cd "$tree" && "$@"); }
lists_it() { in_copy "build/$mode/sluice" components | grep short_spans; }
refuses_a_typo() {
	sed 's/min_duration/min_duratio/' "$tree/short_spans.yaml" >"$tree/typo.yaml"
	! in_copy "build/$mode/sluice" validate --config typo.yaml >"$work/said" 2>&1 || return 1
	cat "$work/said"
	grep -F 'typo.yaml:7:' "$work/said" && grep -F 'did you mean "min_duration"' "$work/said"
}

# It declares that it adds nothing, so it may stand behind a policy.
may_follow_a_policy() {
	sed -e 's/^processors:/&\n  metadata_only:/' -e 's/^service:/&\n  policies: [metadata_only]/' \
		-e 's/processors: \[/&metadata_only, /' "$tree/short_spans.yaml" >"$tree/policy.yaml"
	in_copy "build/$mode/sluice" validate --config policy.yaml
}

# The receiver's spans reach the exporter, the extension's file is there meanwhile, and TERM ends all.
beats() {
	mkfifo "$work/beats" || return 1
	READY_FILE=$work/ready "$tree/build/$mode/sluice" --config "$tree/heartbeat.yaml" \
		>"$work/beats" 2>&1 &
	pid=$!
	exec 3<"$work/beats"
	beaten=1 ready=1
	while [ $((beaten + ready)) -ne 0 ] && read -r line <&3; do
		echo "$line"
		case $line in
		*'"spans": 1'*) beaten=0 ;;
		*'Everything is ready'*) ready=0 ;; # the extension was told before
		esac
	done
	test -e "$work/ready"
	was_ready=$?
	kill -TERM $pid
	cat <&3
	wait $pid && [ $beaten -eq 0 ] && [ $was_ready -eq 0 ] && ! test -e "$work/ready"
}

check "the tree is copied" copy_tree
check "the pages have nine blocks" extract
check "the example builds and its test passes" \
	in_copy make --no-print-directory MODE="$mode" CI=1 T=short_spans run-tests
check "includes of the example point the right way" tests/unit/layout/check_includes "$tree"
check "the program lists the new component" lists_it
check "a configuration may name it" \
	in_copy "build/$mode/sluice" validate --config short_spans.yaml
check "its options are checked like all others" refuses_a_typo
check "what it declares lets it stand behind a policy" may_follow_a_policy
check "a receiver, an exporter and an extension work together" beats
finish
