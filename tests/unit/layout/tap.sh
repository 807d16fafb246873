# SPDX-License-Identifier: Apache-2.0
# For shell tests, to be sourced: `check NAME command...` is one test that passes when the command
# ends with 0; what it printed is shown otherwise. `finish` prints the plan and ends the script.
# ${work} is a directory of the test's own, removed at the end.

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tap_count=0 tap_failed=0

check() {
	tap_name=$1
	shift
	tap_count=$((tap_count + 1))
	if "$@" >"$work/output" 2>&1; then
		echo "ok $tap_count - $tap_name"
	else
		echo "not ok $tap_count - $tap_name"
		sed 's/^/# /' "$work/output"
		tap_failed=1
	fi
}

finish() {
	echo "1..$tap_count"
	exit "$tap_failed"
}
