/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts become cases, misses become text. Whatever a peer wrote goes by the policy on its way: values by
 * their keys, keys, names of spans and scopes, and the drawn trace as a whole. What has no key and is no
 * name (a status message, a computed text) is not shown.
 */
#include "cmd/assert_results.h"

#include "exporters/debug/tree.h"

#include <inttypes.h>

const char *assert_results_text(struct assert_results *results, struct slice text)
{
	struct buf clean = BUF_INIT;
	terminal_append(&clean, text);
	struct slice copy = arena_copy(&results->arena, buf_slice(&clean));
	results->no_memory = results->no_memory || clean.failed || !copy.ptr;
	buf_fini(&clean);
	return copy.ptr ? (const char *)copy.ptr : "";
}

struct assert_case *assert_results_add(struct assert_results *results, enum assert_case_kind kind,
				       struct slice title)
{
	struct assert_case *at = arena_calloc(&results->arena, 1, sizeof(*at));
	results->no_memory = results->no_memory || !at;
	if (!at)
		return NULL;
	*at = (struct assert_case){.kind = kind,
				   .title = assert_results_text(results, title),
				   .summary = "",
				   .tree = "",
				   .terminal_tree = ""};
	at->misses_end = &at->misses;
	*results->cases_end = at;
	results->cases_end = &at->next;
	return at;
}

void assert_results_miss(struct assert_results *results, struct assert_case *at,
			 const struct assert_miss *miss)
{
	at->result = VERDICT_FAILED;
	results->any_failed = true;
	if (at->miss_count++ >= ASSERT_MISSES_MAX)
		return;
	struct assert_miss *copy = arena_calloc(&results->arena, 1, sizeof(*copy));
	results->no_memory = results->no_memory || !copy;
	if (!copy)
		return;
	*copy = *miss;
	copy->next = NULL;
	*at->misses_end = copy;
	at->misses_end = &copy->next;
}

/* ---- an expectation ------------------------------------------------------------------------- */

struct explaining {
	struct assert_results *results;
	struct assert_case *at;
};

struct drawing {
	struct assert_results *results;
	struct assert_case *at;
	uint32_t span;
};

static void draw(void *arg, const struct trace_view *view)
{
	struct drawing *drawing = arg;
	struct assert_results *results = drawing->results;
	const struct terminal plain = {.columns = TERMINAL_COLUMNS_DEFAULT};
	struct buf text = BUF_INIT;
	tree_print_view(view, drawing->span, &plain, &text);
	drawing->at->tree = assert_results_text(results, buf_slice(&text));
	buf_reset(&text);
	tree_print_view(view, drawing->span, &results->terminal, &text);
	struct slice copy = arena_copy(&results->arena, buf_slice(&text)); /* with its colours */
	results->no_memory = results->no_memory || text.failed || !copy.ptr;
	drawing->at->terminal_tree = copy.ptr ? (const char *)copy.ptr : "";
	buf_fini(&text);
}

static void write_hex(char *text, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
	}
	*text = '\0';
}

static void on_nearest(void *arg, const struct expect_nearest *nearest)
{
	struct explaining *explaining = arg;
	struct assert_case *at = explaining->at;
	struct drawing drawing = {.results = explaining->results, .at = at, .span = TREE_NO_MARK};
	struct err err;
	if (!nearest->view)
		return;
	write_hex(at->trace_id, nearest->trace_id, sizeof(nearest->trace_id));
	if (nearest->span != EXPECT_NO_SPAN) {
		write_hex(at->span_id, nearest->span_id, sizeof(nearest->span_id));
		drawing.span = nearest->span;
	}
	if (view_span_count(nearest->view) > ASSERT_TREE_SPANS_MAX ||
	    assert_policy_apply(explaining->results->policy, view_body(nearest->view), draw,
				&drawing, &err) != 0)
		at->tree = at->terminal_tree = "(too large to be drawn)\n";
}

static bool is_one_of(struct slice text, const char *const *words)
{
	for (; *words; words++) {
		if (slice_equal(text, slice_str(*words)))
			return true;
	}
	return false;
}

static bool shows(struct assert_policy *policy, const struct expect_found *found)
{
	static const char *const names[] = {"name", "span.name", NULL};
	static const char *const scopes[] = {"scope_name", "scope_version", NULL};
	enum value_type type = found->value.type;
	if (policy->shows_all)
		return true;
	if (found->key.len > 0)
		return assert_policy_shows(policy, found->key, found->value);
	if (type == VALUE_STRING && is_one_of(found->what, names))
		return assert_policy_shows_name(policy, found->value.bytes);
	if (type == VALUE_STRING && is_one_of(found->what, scopes))
		return assert_policy_shows_scope(policy, found->value.bytes);
	return type == VALUE_BOOL || type == VALUE_INT || type == VALUE_DOUBLE;
}

static const char *value_text(struct assert_results *results, struct value value, bool shown)
{
	static const char *const nouns[VALUE_TYPE_COUNT] = {
		[VALUE_EMPTY] = "value", [VALUE_STRING] = "string",	[VALUE_BOOL] = "bool",
		[VALUE_INT] = "number",	 [VALUE_DOUBLE] = "number",	[VALUE_ARRAY] = "list",
		[VALUE_KVLIST] = "map",	 [VALUE_BYTES] = "byte string",
	};
	struct buf text = BUF_INIT;
	if (shown)
		value_append_text(&text, value);
	else if (value.type == VALUE_STRING || value.type == VALUE_BYTES)
		buf_printf(&text, "a %s of %zu bytes", nouns[value.type], value.bytes.len);
	else
		buf_printf(&text, "a %s", nouns[value.type]);
	const char *kept = assert_results_text(results, buf_slice(&text));
	buf_fini(&text);
	return kept;
}

static struct assert_found take_found(struct assert_results *results,
				      const struct expect_found *found)
{
	bool named = !found->from_peer ||
		     assert_policy_shows_key(results->policy, found->what, found->value);
	struct assert_found taken = {.what = named ? assert_results_text(results, found->what)
						   : "an attribute"};
	if (found->value.type == VALUE_EMPTY)
		return taken;
	taken.hidden = !shows(results->policy, found);
	taken.value = value_text(results, found->value, !taken.hidden);
	return taken;
}

static void on_miss(void *arg, const struct expect_miss *miss)
{
	struct explaining *explaining = arg;
	struct assert_results *results = explaining->results;
	struct assert_miss taken = {.loc = miss->loc, .found_count = miss->found_count};
	if (explaining->at->miss_count < ASSERT_MISSES_MAX) {
		taken.wanted = assert_results_text(results, miss->wanted);
		taken.why = assert_results_text(results, slice_str(miss->why));
		if (miss->nearest_word)
			taken.nearest_word =
				assert_results_text(results, slice_str(miss->nearest_word));
		for (uint32_t i = 0; i < miss->found_count; i++)
			taken.found[i] = take_found(results, &miss->found[i]);
	}
	assert_results_miss(results, explaining->at, &taken);
}

static const char *summarise(struct assert_results *results, const struct verdict *verdict)
{
	if (verdict->result == VERDICT_HOLDS)
		return "";
	if (verdict->result == VERDICT_SELECTED_NOTHING)
		return "nothing was selected";
	const char *text = arena_printf(
		&results->arena,
		"in %" PRIu32 " of %" PRIu32 " traces, %" PRIu64 " of %" PRIu64 " spans",
		verdict->traces_failed, verdict->traces, verdict->spans_failed, verdict->spans);
	results->no_memory = results->no_memory || !text;
	return text ? text : "";
}

static void take_expectation(struct assert_results *results, struct expect_session *session,
			     uint32_t number)
{
	struct judge *judge = expect_session_judge(session);
	struct expect_head head = expect_head(expect_session_expectations(session), number);
	struct assert_case *at = assert_results_add(results, ASSERT_CASE_EXPECTATION, head.title);
	struct explaining explaining = {.results = results, .at = at};
	const struct judge_listener listener = {
		.nearest = on_nearest, .miss = on_miss, .arg = &explaining};
	struct err err;
	if (!at)
		return;
	at->loc = head.loc;
	at->verdict = judge_verdict(judge, number);
	at->summary = summarise(results, &at->verdict);
	results->held += at->verdict.result == VERDICT_HOLDS;
	results->failed += at->verdict.result == VERDICT_FAILED;
	results->empty += at->verdict.result == VERDICT_SELECTED_NOTHING;
	if (at->verdict.result == VERDICT_HOLDS)
		return;
	if (judge_explain(judge, expect_session_buffer(session), number, &listener, &err) != 0)
		assert_results_miss(results, at,
				    &(struct assert_miss){.wanted = "explanation",
							  .why = "there is none: too large"});
	at->result = at->verdict.result;
	results->any_failed = true;
}

/* ---- the spans ------------------------------------------------------------------------------ */

/* A miss of what no file asks for. */
static void fail(struct assert_results *results, struct assert_case *at, const char *why)
{
	if (!at)
		return;
	at->summary = assert_results_text(results, slice_str(why));
	assert_results_miss(results, at,
			    &(struct assert_miss){.wanted = at->title, .why = at->summary});
}

static void take_session(struct assert_results *results, struct expect_session *session,
			 struct assert_case *spans)
{
	const struct expectations *expectations = expect_session_expectations(session);
	struct expect_state state;
	struct err err;
	if (expect_session_state(session, &state, &err) != 0) {
		fail(results, spans, err.msg);
		return;
	}
	results->spans += state.spans;
	results->traces += state.traces;
	results->lost += state.lost;
	for (uint32_t i = 0; expectations && i < expect_count(expectations); i++)
		take_expectation(results, session, i);
}

static void take_spans(struct assert_results *results, const struct assert_outcome *outcome)
{
	struct assert_case *spans = assert_results_add(results, ASSERT_CASE_SPANS,
						       SLICE("spans are received and kept"));
	char why[160];
	for (size_t i = 0; i < outcome->session_count; i++)
		take_session(results, outcome->sessions[i], spans);
	if (results->spans == 0)
		fail(results, spans, "No span was received.");
	if (results->lost > 0) {
		(void)snprintf(why, sizeof(why),
			       "%" PRIu64 " spans did not fit and were not judged, so nothing is "
			       "proven: raise max_spans, max_traces or max_bytes of the exporter.",
			       results->lost);
		fail(results, spans, why);
	}
}

/* Requests that came and brought no span, by what was wrong with them. */
static const struct {
	const char *metric, *what;
} without_spans[] = {
	{"sluice_receiver_requests_refused", "refused"},
	{"sluice_server_requests_refused", "refused"},
	{"sluice_receiver_requests_misdirected", "not OTLP traces"},
	{"sluice_receiver_requests_empty", "without a span"},
};

struct series {
	struct buf *out;
	const char *what;
};

static void add_series(void *arg, const char *labels, double value)
{
	const struct series *series = arg;
	if (value > 0)
		buf_printf(series->out, "  %s: %.0f requests %s\n", series->what, value, labels);
}

/* Nothing came: where it could have come to, and what tried. */
static void take_notes(struct assert_results *results, const struct assert_outcome *outcome)
{
	struct buf text = BUF_INIT;
	results->notes = "";
	if (results->spans > 0)
		return;
	buf_append_str(&text, "No span was received.");
	if (outcome->port > 0)
		buf_printf(&text,
			   " Sluice listened on 127.0.0.1:%u for OTLP over gRPC and HTTP "
			   "(/v1/traces).",
			   (unsigned)outcome->port);
	buf_append_byte(&text, '\n');
	for (size_t i = 0; outcome->metrics && i < ARRAY_COUNT(without_spans); i++) {
		struct series series = {&text, without_spans[i].what};
		metrics_visit(outcome->metrics, without_spans[i].metric, add_series, &series);
	}
	if (outcome->child && outcome->child->kept.len > 0) {
		buf_append_str(&text, "These variables were set already and were left alone:\n");
		buf_append(&text, buf_slice(&outcome->child->kept));
	}
	results->notes = assert_results_text(results, buf_slice(&text));
	buf_fini(&text);
}

/* ---- the command ---------------------------------------------------------------------------- */

static void take_command(struct assert_results *results, const struct assert_child *child)
{
	char why[80];
	if (!child)
		return;
	results->has_command = true;
	results->command_code = child->started && !child->stopped ? child->code : -1;
	if (results->command_code == 0) {
		(void)assert_results_add(results, ASSERT_CASE_COMMAND, SLICE("the command"));
		return;
	}
	if (!child->started)
		(void)snprintf(why, sizeof(why), "The command did not start.");
	else if (child->stopped)
		(void)snprintf(why, sizeof(why), "The command still ran; it was ended.");
	else if (child->signal)
		(void)snprintf(why, sizeof(why), "The command was ended by signal %d.",
			       child->signal);
	else
		(void)snprintf(why, sizeof(why), "The command failed with exit code %d.",
			       child->code);
	fail(results, assert_results_add(results, ASSERT_CASE_COMMAND, SLICE("the command")), why);
}

/* ---- the whole ------------------------------------------------------------------------------ */

void assert_results_init(struct assert_results *results, const struct assert_outcome *outcome,
			 struct assert_policy *policy, struct terminal terminal)
{
	*results = (struct assert_results){
		.end = outcome->end, .policy = policy, .terminal = terminal};
	results->cases_end = &results->cases;
	arena_init(&results->arena, NULL, ASSERT_RESULTS_BYTES_MAX);
	take_spans(results, outcome);
	take_notes(results, outcome);
	take_command(results, outcome->child);
}

void assert_results_fini(struct assert_results *results)
{
	arena_fini(&results->arena);
}

void assert_results_conclude(struct assert_results *results)
{
	if (results->has_command && results->command_code != 0)
		results->exit_code = ASSERT_EXIT_COMMAND;
	else if (results->spans == 0)
		results->exit_code = ASSERT_EXIT_NOTHING;
	else
		results->exit_code = results->any_failed || results->no_memory ? ASSERT_EXIT_FAILED
									       : ASSERT_EXIT_HOLDS;
}

static const struct {
	const char *word, *text;
} ends[ASSERT_END_COUNT] = {
	[ASSERT_END_SIGNAL] = {"signal", "a signal ended the run"},
	[ASSERT_END_MET] = {"met", "everything was met"},
	[ASSERT_END_QUIET] = {"quiet", "no more spans came"},
	[ASSERT_END_DEADLINE] = {"deadline", "the deadline was reached"},
	[ASSERT_END_FINISHED] = {"finished", "it was asked to finish"},
	[ASSERT_END_RECORDED] = {"recorded", "read from files"},
	[ASSERT_END_NO_START] = {"no_start", "the command did not start"},
};

const char *assert_end_text(enum assert_end end)
{
	return ends[end].text;
}

const char *assert_end_word(enum assert_end end)
{
	return ends[end].word;
}

const char *assert_case_word(enum assert_case_kind kind)
{
	static const char *const words[ASSERT_CASE_KIND_COUNT] = {
		[ASSERT_CASE_EXPECTATION] = "expectation", [ASSERT_CASE_SPANS] = "spans",
		[ASSERT_CASE_COMMAND] = "command",	   [ASSERT_CASE_SNAPSHOT] = "snapshot",
		[ASSERT_CASE_REGISTRY] = "registry",
	};
	return words[kind];
}
