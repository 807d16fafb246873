#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/assert.md is what a newcomer types: its files are written, its commands run in their order in an
# empty folder, and each ends as the page says. What it shows of reports is what the reports say.
set -u
. "$(dirname "$0")/../layout/tap.sh"

root=$PWD
page=$root/docs/assert.md
case ${SLUICE_BIN:-bin/sluice} in
/*) sluice=${SLUICE_BIN:-bin/sluice} ;;
*) sluice=$root/${SLUICE_BIN:-bin/sluice} ;;
esac
folder=$work/folder
mkdir -p "$folder/bin" "$folder/configs"
ln -s "$sluice" "$folder/bin/sluice"
ln -s "$root/configs/ci" "$folder/configs/ci"
export PATH="$folder/bin:$PATH"

# Block number ${1} of the page, without its fences; its first line is the fence's words.
block() {
	awk -v wanted="$1" '
		/^```/ && !inside { inside = 1; number++; if (number == wanted) print substr($0, 4); next }
		/^```/ { inside = 0; next }
		inside && number == wanted { print }' "$page"
}

# A file of the page is written, a command is run, a text is looked for in the output of the last one.
follow() {
	words=$(block "$1" | head -1)
	block "$1" | sed 1d >"$work/block"
	case $words in
	'yaml '* | 'python '*) cp "$work/block" "$folder/${words#* }" ;;
	sh*)
		wanted=0
		[ "$words" = sh ] || wanted=${words#*=}
		(cd "$folder" && sh -eu "$work/block") >"$work/said" 2>&1
		code=$?
		cat "$work/said"
		[ "$code" = "$wanted" ] || { echo "exit code $code, not $wanted"; return 1; }
		;;
	text)
		while IFS= read -r line; do
			grep -qF -e "$line" "$work/said" || { echo "not said: $line"; cat "$work/said"; return 1; }
		done <"$work/block"
		;;
	*) echo "what is a block of \"$words\"?"; return 1 ;;
	esac
}

# One request of a vLLM server, as the file exporter writes it.
record() {
	cat >"$folder/record.yaml" <<-YAML
		receivers: {otlp: {protocols: {grpc: {endpoint: 127.0.0.1:0}}}}
		exporters:
		  assert:
		  file: {path: $folder/recorded.jsonl}
		service:
		  telemetry: {logs: {level: error}, metrics: {level: none}}
		  pipelines: {traces: {receivers: [otlp], exporters: [assert, file]}}
	YAML
	(cd "$folder" && sluice assert --config record.yaml --expect configs/ci/vllm.yaml -- \
		sh -c 'sluice generate --traces vllm --endpoint "$OTEL_EXPORTER_OTLP_ENDPOINT"')
}

count=$(grep -c '^```' "$page")
check "the page has blocks, each with an end" [ "$((count > 20 && count % 2 == 0))" = 1 ]
check "something is recorded for it" record
number=1
while [ "$number" -le "$((count / 2))" ]; do
	check "block $number: $(block "$number" | sed -n '1p;2p' | tr '\n' ' ' | cut -c1-60)" follow "$number"
	number=$((number + 1))
done
finish
