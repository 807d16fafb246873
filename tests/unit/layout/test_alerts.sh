#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The alerts of deploy/kubernetes/monitoring.yaml, run by promtool: each reason of docs/metrics.md for
# which something is refused or lost raises one, as do the losses of a recorded run; a run without any
# raises none. The queries of the dashboard are PromQL. Both name metrics that the program has.
#
# tests/fixtures/metrics/ has the metrics page of one process, before it was sent anything and after: of
# two exporters without a backend one had a queue of 100 spans and no retries; one request was garbage,
# one went to the path of metrics.
set -u
. "$(dirname "$0")/tap.sh"

monitoring=deploy/kubernetes/monitoring.yaml
dashboard=deploy/kubernetes/dashboard.json
page=docs/metrics.md
recorded=tests/fixtures/metrics

# Reasons that are no loss, one a line: the metric, the reason.
harmless='
sluice_server_connections_closed idle
sluice_processor_scrape_filter_parent_unseen time_over
sluice_processor_scrape_filter_parent_unseen no_room
sluice_trace_memory_evicted age
'

# The rules of the PrometheusRule as a file of Prometheus.
rules() {
	awk '/^---/ { in_rule = in_spec = 0 }
		/^kind: PrometheusRule/ { in_rule = 1 }
		in_rule && in_spec { print substr($0, 3) }
		in_rule && /^spec:/ { in_spec = 1 }' $monitoring
}
rules >"$work/rules.yaml"

# "metric reason", as the page explains them, without those that are harmless.
reasons() {
	awk '/^## / { inside = ($2 == "Reasons") }
		inside && /^### / { gsub("`", ""); metric = $2 }
		inside && /^- `/ { split($0, part, "`"); print metric, part[2] }' $page |
		grep -v -x -F "$(echo "$harmless" | sed '/^$/d')"
}

# Cases of promtool go to standard output, one a call: ${1} is what ALERTS has to be, then the series.
begin_cases() { printf 'rule_files: [rules.yaml]\nevaluation_interval: 1m\ntests:\n'; }
case_ends() { # expression, value
	printf '    promql_expr_test:\n      - expr: %s\n        eval_time: 40m\n' "'$1'"
	printf '        exp_samples: [{labels: "{}", value: %s}]\n' "$2"
}

# A counter that goes on growing, on its own, by every reason.
each_reason_raises_an_alert() {
	reasons >"$work/reasons"
	[ "$(wc -l <"$work/reasons")" -ge 35 ] || { cat "$work/reasons"; return 1; }
	{
		begin_cases
		while read -r metric reason; do
			printf '  - interval: 1m\n    name: %s %s\n    input_series:\n' "$metric" "$reason"
			printf "      - {series: '%s{reason=\"%s\",pod=\"a\"}', values: '0+10x40'}\n" \
				"$metric" "$reason"
			case_ends "count(ALERTS{alertstate=\"firing\",reason=\"$reason\"})" 1
		done <"$work/reasons"
	} >"$work/reasons.yaml"
	promtool test rules "$work/reasons.yaml"
}

# The series of the recorded pages: each as it was before, and after it if ${1} says so.
recorded_series() {
	awk -v changes="$1" '/^#/ { next }
		FILENAME ~ /before/ { before[substr($0, 1, match($0, / [^ ]*$/) - 1)] = $NF; next }
		{
			name = substr($0, 1, match($0, / [^ ]*$/) - 1)
			if (!(name in before))
				next
			quoted = name
			gsub(/'\''/, "'\'\''", quoted)
			# 36 minutes ago nothing had happened, 4 minutes ago it had.
			printf "      - {series: '\''%s'\'', values: '\''%sx35 %sx9'\''}\n", quoted,
				before[name] "+0", (changes ? $NF : before[name]) "+0"
		}' $recorded/before.txt $recorded/after.txt
}

recording() { # changes, then alerts and how many series of each fire
	{
		begin_cases
		printf '  - interval: 1m\n    input_series:\n'
		recorded_series "$1"
		shift
		printf '    promql_expr_test:\n'
		printf '      - expr: count by (alertname, reason) (ALERTS{alertstate="firing"})\n'
		printf '        eval_time: 40m\n        exp_samples:%s\n' "${1:+}"
		for alert; do
			printf "          - {labels: '{alertname=\"%s\", reason=\"%s\"}', value: 1}\n" \
				"${alert%:*}" "${alert#*:}"
		done
	} >"$work/recording.yaml"
	promtool test rules "$work/recording.yaml"
}

recorded_losses_raise_theirs() {
	recording 1 SluiceBackendUnreachable:retries_exhausted SluiceQueueOverflows:queue_full \
		SluiceRefusesRequests:malformed
}

nothing_is_raised_in_peace() { recording ''; }

# Every metric that is named in ${1} is in the table of the page; of a histogram, a part.
metrics_exist() {
	names=$(grep -oE '\b(otelcol|sluice)_[a-z0-9_]+' "$1" | sort -u)
	[ "$(echo "$names" | wc -l)" -ge 10 ] || { echo "$1 names hardly any metric"; return 1; }
	for name in $names; do
		grep -q "^| \`${name%_bucket}\` |" $page || { echo "$1: no metric $name"; return 1; }
	done
}

# Grafana's own variables stand for an interval and a choice of the user.
queries_of_the_dashboard_are_promql() {
	{
		printf 'groups:\n  - name: dashboard\n    rules:\n'
		sed -n 's/^ *"expr": "\(.*\)",\{0,1\}$/\1/p' $dashboard |
			sed 's/\\"/"/g; s/\$__rate_interval/5m/g; s/\$[a-z]*/x/g' |
			awk -v q="'" '{ printf "      - {record: \"query:%d\", expr: %s%s%s}\n", NR, q, $0, q }'
	} >"$work/dashboard.yaml"
	[ "$(grep -c record: "$work/dashboard.yaml")" -ge 10 ] && promtool check rules "$work/dashboard.yaml"
}

check "the rules are what Prometheus reads" promtool check rules "$work/rules.yaml"
check "each reason of a loss or a refusal raises an alert" each_reason_raises_an_alert
check "recorded losses raise their alerts" recorded_losses_raise_theirs
check "a run without losses raises none" nothing_is_raised_in_peace
check "the alerts name metrics that exist" metrics_exist $monitoring
check "the dashboard names metrics that exist" metrics_exist $dashboard
check "the dashboard's queries are PromQL" queries_of_the_dashboard_are_promql
finish
