/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exporter `assert`: keeps the spans that come to the end of a pipeline and judges them by
 * expectation files (docs/design/assert.md). Behind a filter or a policy it says what a backend
 * would get. `sluice assert` asks its session for the verdicts; in any other configuration one line
 * in the log per expectation gives them at the end, and a metric at any time.
 */
#include "exporters/assert/assert.h"

#include "pipeline/base/clock.h"
#include "pipeline/graph/component.h"

#include <stdlib.h>

struct assert_config {
	struct delivery_config delivery;
	struct config_strings expect;
	uint64_t bytes_max;
	uint32_t traces_max, spans_max;
};

static const struct config_field fields[] = {
	CONFIG_STRING_LIST(struct assert_config, expect, "expect",
			   "Expectation files; without one the spans are only kept."),
	CONFIG_U64(struct assert_config, bytes_max, "max_bytes", "1073741824", 1048576,
		   1099511627776.0, "By", "Received bytes kept at most."),
	CONFIG_U32(struct assert_config, traces_max, "max_traces", "1000000", 1, 4294967295.0, "",
		   "Traces kept at most."),
	CONFIG_U32(struct assert_config, spans_max, "max_spans", "1000000", 1, 4294967295.0, "",
		   "Spans kept at most."),
	DELIVERY_FIELDS(struct assert_config, delivery, "0s"),
};
static const struct config_block block = CONFIG_BLOCK(struct assert_config, fields);

struct assert_exporter {
	const struct assert_config *config; /* immutable */
	struct log log;
	struct budget *budget;
	struct key_table *keys;
	struct judge_env judge_env;
	const struct expectations *expectations; /* NULL: no file is named */
	struct expect_session *session;		 /* from the start on */
};

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	struct assert_exporter *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->config = config;
	self->log = env->log;
	self->budget = env->budget;
	self->keys = env->keys;
	const struct config_strings *files = &self->config->expect;
	const struct config_load load = {.uris = files->at, .uri_count = files->count};
	if (files->count > 0)
		self->expectations = expect_load(&load, env->keys, report);
	return self;
}

static const struct delivery_config *delivery(const void *config)
{
	return &((const struct assert_config *)config)->delivery;
}

static int start(void *arg, struct loop *loop, struct err *err)
{
	struct assert_exporter *self = arg;
	const struct expect_limits limits = {.bytes_max = self->config->bytes_max,
					     .traces_max = self->config->traces_max,
					     .spans_max = self->config->spans_max};
	(void)loop;
	self->session = expect_session_new(self->expectations, self->keys, &self->judge_env,
					   &limits, self->budget, err);
	return self->session ? 0 : -1;
}

static void send_batch(void *arg, struct export_call *call)
{
	struct assert_exporter *self = arg;
	struct export_result result = {.outcome = EXPORT_DELIVERED};
	struct chunk *body = batch_flatten(call->batch);
	if (!body)
		(void)err_set(&result.err, ERR_NOMEM, "out of memory");
	if (!body ||
	    expect_session_add(self->session, body, clock_monotonic_ns(), &result.err) != 0)
		result.outcome = result.err.kind == ERR_NOMEM ? EXPORT_RETRY : EXPORT_PERMANENT;
	chunk_unref(body);
	export_done(call, &result);
}

/* Verdicts as counts: the titles are the operator's own words, nothing of a span is said. */
static void log_verdicts(const struct assert_exporter *self)
{
	struct judge *judge = expect_session_judge(self->session);
	for (uint32_t i = 0; i < expect_count(self->expectations); i++) {
		struct verdict verdict = judge_verdict(judge, i);
		struct expect_head head = expect_head(self->expectations, i);
		const struct log_field details[] = {
			LOG_MSG("Expectation"),
			LOG_STR("result", verdict.result == VERDICT_HOLDS    ? "holds"
					  : verdict.result == VERDICT_FAILED ? "failed"
									     : "selected nothing"),
			LOG_SLICE("that", head.title),
			LOG_STR("file", head.loc.file ? head.loc.file : ""),
			LOG_UINT("line", head.loc.line),
			LOG_UINT("traces", verdict.traces),
			LOG_UINT("traces_failed", verdict.traces_failed),
			LOG_UINT("spans", verdict.spans),
			LOG_UINT("spans_failed", verdict.spans_failed)};
		log_write(&self->log,
			  verdict.result == VERDICT_HOLDS ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
			  __FILE__, details, ARRAY_COUNT(details));
	}
}

static void stop(void *arg)
{
	struct assert_exporter *self = arg;
	struct expect_state state;
	struct err err;
	if (!self->session || !self->expectations)
		return;
	if (expect_session_state(self->session, &state, &err) == 0)
		log_verdicts(self);
	else
		log_error(&self->log, LOG_MSG("The spans could not be judged"), LOG_ERR(&err));
}

static void destroy(void *arg)
{
	struct assert_exporter *self = arg;
	expect_session_free(self->session);
	expect_free(self->expectations);
	free(self);
}

void assert_exporter_set_env(void *self, const struct judge_env *env)
{
	((struct assert_exporter *)self)->judge_env = *env;
}

struct expect_session *assert_exporter_session(void *self)
{
	return ((struct assert_exporter *)self)->session;
}

static const struct exporter_ops ops = {.create = create,
					.delivery = delivery,
					.start = start,
					.send = send_batch,
					.stop = stop,
					.destroy = destroy};

const struct component_type exporter_assert = {
	.kind = COMPONENT_EXPORTER,
	.names = {"assert"},
	.summary = "Judges the spans by expectation files: for tests, behind any pipeline.",
	.config = &block,
	.exporter = &ops};
