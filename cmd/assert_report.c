/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per expectation; below one that does not hold, the nearest span or trace and what it misses.
 * Goes to standard error: standard output is the command's.
 */
#include "cmd/assert_report.h"

#include "exporters/debug/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

struct report {
	const struct assert_report_options *options;
	struct buf out;
	uint64_t held, failed, empty; /* expectations */
	uint64_t spans, traces, lost;
	bool broken; /* the spans could not be judged */
};

/* ---- an expectation ------------------------------------------------------------------------- */

static void on_nearest(void *arg, const struct expect_nearest *nearest)
{
	struct report *report = arg;
	if (!nearest->view)
		return;
	buf_append_str(&report->out, "      nearest: trace ");
	buf_append_hex(&report->out, slice_of(nearest->trace_id, sizeof(nearest->trace_id)));
	if (nearest->span != EXPECT_NO_SPAN) {
		buf_append_str(&report->out, ", span ");
		buf_append_hex(&report->out, slice_of(nearest->span_id, sizeof(nearest->span_id)));
	}
	buf_append_byte(&report->out, '\n');
}

/* Of what the policy would not let pass only what it is, unless it is asked for. */
static void append_value(struct report *report, struct slice what, struct value value)
{
	bool shown = report->options->show_values ||
		     assert_policy_shows(report->options->policy, what, value);
	struct buf text = BUF_INIT;
	if (value.type == VALUE_EMPTY) {
		buf_append_str(&report->out, "not there");
	} else if (shown) {
		value_append_text(&text, value);
		terminal_append(&report->out, buf_slice(&text));
	} else {
		buf_printf(&report->out, "a %s of %zu bytes (--show-values prints it)",
			   value.type == VALUE_STRING  ? "string"
			   : value.type == VALUE_BYTES ? "byte string"
			   : value.type == VALUE_ARRAY ? "list"
						       : "map",
			   value.bytes.len);
	}
	buf_fini(&text);
}

static void on_miss(void *arg, const struct expect_miss *miss)
{
	struct report *report = arg;
	buf_printf(&report->out, "      %s:%u: %.*s: %s\n", miss->loc.file ? miss->loc.file : "",
		   (unsigned)miss->loc.line, SLICE_FMT(miss->wanted), miss->why);
	for (uint32_t i = 0; i < miss->found_count; i++) {
		const struct expect_found *found = &miss->found[i];
		buf_append_str(&report->out, "        found ");
		terminal_append(&report->out, found->what);
		buf_append_str(&report->out, ": ");
		append_value(report, found->what, found->value);
		buf_append_byte(&report->out, '\n');
	}
	if (miss->nearest_word)
		buf_printf(&report->out, "        did you mean %s?\n", miss->nearest_word);
}

static void report_failure(struct report *report, struct expect_session *session, uint32_t at)
{
	const struct judge_listener listener = {
		.nearest = on_nearest, .miss = on_miss, .arg = report};
	struct err err;
	if (judge_explain(expect_session_judge(session), expect_session_buffer(session), at,
			  &listener, &err) != 0)
		buf_printf(&report->out, "      (no explanation: %s)\n", err.msg);
}

static void report_expectation(struct report *report, struct expect_session *session, uint32_t at)
{
	struct verdict verdict = judge_verdict(expect_session_judge(session), at);
	struct expect_head head = expect_head(expect_session_expectations(session), at);
	static const char *const words[] = {[VERDICT_HOLDS] = "ok  ",
					    [VERDICT_FAILED] = "FAIL",
					    [VERDICT_SELECTED_NOTHING] = "FAIL"};
	report->held += verdict.result == VERDICT_HOLDS;
	report->failed += verdict.result == VERDICT_FAILED;
	report->empty += verdict.result == VERDICT_SELECTED_NOTHING;
	buf_printf(&report->out, "%s  %.*s (%s:%u)", words[verdict.result], SLICE_FMT(head.title),
		   head.loc.file ? head.loc.file : "", (unsigned)head.loc.line);
	if (verdict.result == VERDICT_SELECTED_NOTHING)
		buf_append_str(&report->out, ": nothing was selected");
	else if (verdict.result == VERDICT_FAILED)
		buf_printf(
			&report->out,
			": in %" PRIu32 " of %" PRIu32 " traces, %" PRIu64 " of %" PRIu64 " spans",
			verdict.traces_failed, verdict.traces, verdict.spans_failed, verdict.spans);
	buf_append_byte(&report->out, '\n');
	if (verdict.result != VERDICT_HOLDS)
		report_failure(report, session, at);
}

static void report_session(struct report *report, struct expect_session *session)
{
	struct expect_state state;
	struct err err;
	const struct expectations *expectations = expect_session_expectations(session);
	if (expect_session_state(session, &state, &err) != 0) {
		buf_printf(&report->out, "Error: the spans cannot be judged: %s\n", err.msg);
		report->broken = true;
		return;
	}
	report->spans += state.spans;
	report->traces += state.traces;
	report->lost += state.lost;
	for (uint32_t i = 0; expectations && i < expect_count(expectations); i++)
		report_expectation(report, session, i);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void add_series(void *arg, const char *labels, double value)
{
	struct buf *out = arg;
	if (value > 0)
		buf_printf(out, "  refused: %.0f requests %s\n", value, labels);
}

/* Nothing came: where it could have come to, and what tried. */
static void report_nothing(struct report *report, const struct assert_outcome *outcome)
{
	struct buf *out = &report->out;
	if (outcome->port > 0)
		buf_printf(out,
			   "No span was received. Sluice listened on 127.0.0.1:%u for OTLP over "
			   "gRPC and HTTP (/v1/traces).\n",
			   (unsigned)outcome->port);
	else
		buf_append_str(out, "No span was received.\n");
	if (outcome->metrics) {
		metrics_visit(outcome->metrics, "sluice_receiver_requests_refused", add_series,
			      out);
		metrics_visit(outcome->metrics, "sluice_server_requests_refused", add_series, out);
	}
	if (outcome->child && outcome->child->kept.len > 0) {
		buf_append_str(out, "These variables were set already and were left alone:\n");
		buf_append(out, buf_slice(&outcome->child->kept));
	}
}

static void report_command(struct report *report, const struct assert_child *child)
{
	if (!child->started)
		return;
	if (child->signal)
		buf_printf(&report->out, "The command was ended by signal %d.\n", child->signal);
	else if (!child->ended)
		buf_append_str(&report->out, "The command still ran; it is ended now.\n");
	else if (child->code != 0)
		buf_printf(&report->out, "The command failed with exit code %d.\n", child->code);
}

static void report_sum(struct report *report, const struct assert_outcome *outcome)
{
	static const char *const ends[ASSERT_END_COUNT] = {
		[ASSERT_END_SIGNAL] = "a signal ended the run",
		[ASSERT_END_MET] = "everything was met",
		[ASSERT_END_QUIET] = "no more spans came",
		[ASSERT_END_DEADLINE] = "the deadline was reached",
		[ASSERT_END_RECORDED] = "read from files",
		[ASSERT_END_NO_START] = "the command did not start",
	};
	buf_printf(&report->out,
		   "%" PRIu64 " expectations: %" PRIu64 " held, %" PRIu64 " failed, %" PRIu64
		   " selected nothing; %" PRIu64 " spans in %" PRIu64 " traces; %s.\n",
		   report->held + report->failed + report->empty, report->held, report->failed,
		   report->empty, report->spans, report->traces, ends[outcome->end]);
	if (report->lost > 0)
		buf_printf(&report->out,
			   "%" PRIu64 " spans did not fit and were not judged, so nothing is "
			   "proven: raise max_spans, max_traces or max_bytes of the exporter.\n",
			   report->lost);
}

static int exit_code(const struct report *report, const struct assert_outcome *outcome)
{
	const struct assert_child *child = outcome->child;
	if (child && (!child->started || !child->ended || child->code != 0))
		return ASSERT_EXIT_COMMAND;
	if (report->spans == 0)
		return ASSERT_EXIT_NOTHING;
	bool failed = report->failed + report->empty + report->lost > 0 || report->broken;
	return failed ? ASSERT_EXIT_FAILED : ASSERT_EXIT_HOLDS;
}

int assert_report(const struct assert_outcome *outcome, const struct assert_report_options *options)
{
	struct report report = {.options = options};
	for (size_t i = 0; i < outcome->session_count; i++)
		report_session(&report, outcome->sessions[i]);
	if (report.spans == 0)
		report_nothing(&report, outcome);
	if (outcome->child)
		report_command(&report, outcome->child);
	report_sum(&report, outcome);
	(void)fwrite(report.out.data, 1, report.out.len, stderr);
	buf_fini(&report.out);
	return exit_code(&report, outcome);
}
