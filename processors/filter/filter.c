/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter processor: drops resources, scopes, spans and span events for which any condition is
 * true, in this order; events are looked at only on spans that stay. A span whose events were all
 * dropped stays; scopes and resources left without spans are not sent.
 *
 * What each condition dropped is counted, shown on the metrics page, and written to the log every
 * ten seconds while it changes: `logs | grep -i filter` answers "who dropped my span".
 */
#include "processors/filter/filter_internal.h"

#include <stdlib.h>

/* ---- making --------------------------------------------------------------------------------- */

static const struct metric_desc metric_filtered = {
	"otelcol_processor_filter_spans_filtered", "{spans}",
	"Number of spans dropped by the filter processor [Alpha]", METRIC_COUNTER};
static const struct metric_desc metric_events = {
	"sluice_processor_filter_events_filtered", "{events}",
	"Span events dropped by the filter processor", METRIC_COUNTER};
static const struct metric_desc metric_condition = {
	"sluice_processor_filter_condition_dropped", "{items}",
	"Spans (events for spanevent conditions) that a condition dropped", METRIC_COUNTER};
static const struct metric_desc metric_errors = {
	"sluice_processor_filter_condition_errors", "{errors}",
	"Evaluations of a condition that ended in an error", METRIC_COUNTER};

static bool register_condition(struct filter_condition *condition, const struct component_env *env)
{
	struct buf labels = BUF_INIT, text = BUF_INIT;
	buf_append(&text, condition->text);
	metrics_label(&labels, "filter", env->id);
	metrics_label(&labels, "condition", buf_cstr(&text));
	bool added =
		metrics_add(env->metrics, &metric_condition, buf_cstr(&labels),
			    &condition->dropped) &&
		metrics_add(env->metrics, &metric_errors, buf_cstr(&labels), &condition->errors);
	buf_fini(&labels);
	buf_fini(&text);
	return added;
}

static const struct metric_row metric_rows[] = {
	{&metric_filtered, offsetof(struct filter, spans_filtered), {NULL}},
	{&metric_events, offsetof(struct filter, events_filtered), {NULL}},
};
static const struct metric_table metrics = METRIC_TABLE("filter", metric_rows);

/* Which conditions there are is the configuration's to say: no table has them. */
static bool register_conditions(struct filter *self, const struct component_env *env)
{
	bool added = true;
	uint32_t number = 0;
	for (int context = 0; context < OTTL_CONTEXT_COUNT; context++) {
		struct condition_list *list = &self->conditions[context];
		for (size_t i = 0; i < list->count; i++) {
			list->at[i].number = number++;
			added = added && register_condition(&list->at[i], env);
		}
	}
	return added;
}

static void destroy(void *arg)
{
	struct filter *self = arg;
	for (int context = 0; context < OTTL_CONTEXT_COUNT; context++) {
		struct condition_list *list = &self->conditions[context];
		for (size_t i = 0; i < list->count; i++)
			ottl_condition_free(list->at[i].condition);
	}
	free(self);
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	struct filter *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->log = env->log;
	self->budget = env->budget;
	if (!filter_parse(self, env, config, report) || !register_conditions(self, env)) {
		destroy(self);
		return NULL;
	}
	return self;
}

static void shard_free(void *arg)
{
	struct shard_state *state = arg;
	if (state->scratch)
		ottl_scratch_free(state->scratch);
	free(state);
}

static void *shard_new(void *arg)
{
	const struct filter *self = arg;
	size_t conditions = 0;
	for (int context = 0; context < OTTL_CONTEXT_COUNT; context++)
		conditions += self->conditions[context].count;
	struct shard_state *state = calloc(1, sizeof(*state) + conditions * sizeof(state->hits[0]));
	if (!state)
		return NULL;
	state->scratch = ottl_scratch_new(self->budget);
	if (!state->scratch) {
		shard_free(state);
		return NULL;
	}
	return state;
}

/* ---- filtering ------------------------------------------------------------------------------ */

/* One request on its way through the filter. */
struct pass {
	struct filter *filter;
	struct trace_view *view;
	struct shard_state *state;
	struct err first_error; /* of a condition with error_mode propagate */
	bool propagate;
	uint32_t events_dropped;
};

static struct hits *hits_of(struct pass *pass, const struct filter_condition *condition)
{
	return &pass->state->hits[condition->number];
}

/* A condition could not be evaluated on an element. It may be so on every span: one line a request
 * is enough. */
static COLD void note_error(struct pass *pass, struct filter_condition *condition,
			    const struct err *err)
{
	if (hits_of(pass, condition)->errors++ > 0)
		return;
	if (condition->error_mode == ERROR_IGNORE) {
		log_warn(&pass->filter->log, LOG_MSG("failed to eval condition"), LOG_ERR(err),
			 LOG_SLICE("condition", condition->text));
	} else if (condition->error_mode == ERROR_PROPAGATE && !pass->propagate) {
		pass->propagate = true;
		pass->first_error = *err;
	}
}

/* The first condition of the list that is true for element ${at}; NULL when none is. */
static inline struct filter_condition *match(struct pass *pass, struct condition_list *list,
					     uint32_t at)
{
	struct err err;
	for (size_t i = 0; i < list->count; i++) {
		struct filter_condition *condition = &list->at[i];
		switch (ottl_eval(condition->condition, pass->view, at, pass->state->scratch,
				  &err)) {
		case OTTL_TRUE: return condition;
		case OTTL_ERROR: note_error(pass, condition, &err); break;
		case OTTL_FALSE: break;
		}
	}
	return NULL;
}

static void drop_spans(struct pass *pass, struct view_range spans, struct filter_condition *why)
{
	uint32_t before = view_live_spans(pass->view);
	for (uint32_t span = spans.begin; span < spans.begin + spans.count; span++)
		edit_drop_span(pass->view, span);
	hits_of(pass, why)->dropped += before - view_live_spans(pass->view);
}

static void filter_resources(struct pass *pass)
{
	struct condition_list *list = &pass->filter->conditions[OTTL_RESOURCE];
	for (uint32_t i = 0; list->count > 0 && i < view_resource_count(pass->view); i++) {
		struct filter_condition *why = match(pass, list, i);
		if (!why)
			continue;
		uint32_t before = view_live_spans(pass->view);
		edit_drop_resource(pass->view, i);
		hits_of(pass, why)->dropped += before - view_live_spans(pass->view);
	}
}

static void filter_scopes(struct pass *pass)
{
	struct condition_list *list = &pass->filter->conditions[OTTL_SCOPE];
	for (uint32_t i = 0; list->count > 0 && i < view_scope_count(pass->view); i++) {
		struct filter_condition *why = match(pass, list, i);
		if (why)
			drop_spans(pass, view_scope_spans(pass->view, i), why);
	}
}

static void filter_spans(struct pass *pass)
{
	uint32_t count = view_span_count(pass->view);
	struct condition_list *list = &pass->filter->conditions[OTTL_SPAN];
	for (uint32_t span = 0; list->count > 0 && span < count; span++) {
		if (!view_span_live(pass->view, span))
			continue;
		struct filter_condition *why = match(pass, list, span);
		if (why) {
			edit_drop_span(pass->view, span);
			hits_of(pass, why)->dropped++;
		}
	}
}

static void filter_events(struct pass *pass)
{
	struct condition_list *list = &pass->filter->conditions[OTTL_SPANEVENT];
	for (uint32_t event = 0; list->count > 0 && event < view_event_count(pass->view); event++) {
		if (!view_event_live(pass->view, event))
			continue;
		struct filter_condition *why = match(pass, list, event);
		if (why) {
			edit_drop_event(pass->view, event);
			hits_of(pass, why)->dropped++;
			pass->events_dropped++;
		}
	}
}

/* Hands the request's hits over and clears them. Errors count at once: they were met, whatever
 * becomes of the request. */
static void settle(struct pass *pass)
{
	for (int context = 0; context < OTTL_CONTEXT_COUNT; context++) {
		struct condition_list *list = &pass->filter->conditions[context];
		for (size_t i = 0; i < list->count; i++) {
			struct hits *hits = hits_of(pass, &list->at[i]);
			tally_add(edit_tally(pass->view), &list->at[i].dropped, hits->dropped);
			if (hits->errors > 0)
				counter_add(&list->at[i].errors, hits->errors);
			*hits = (struct hits){0};
		}
	}
}

static enum outcome process(void *arg, void *state, struct trace_view *view, struct err *err)
{
	struct pass pass = {.filter = arg, .view = view, .state = state};
	uint32_t before = view_live_spans(view);
	filter_resources(&pass);
	filter_scopes(&pass);
	filter_spans(&pass);
	filter_events(&pass);
	settle(&pass);
	if (pass.propagate) {
		*err = pass.first_error;
		return OUTCOME_RETRY; /* not permanent in the Collector either: 503 */
	}
	tally_add(edit_tally(view), &pass.filter->spans_filtered, before - view_live_spans(view));
	tally_add(edit_tally(view), &pass.filter->events_filtered, pass.events_dropped);
	return OUTCOME_TAKEN;
}

/* ---- report and warnings -------------------------------------------------------------------------------- */

static void report(void *arg)
{
	struct filter *self = arg;
	uint64_t spans = counter_get(&self->spans_filtered);
	for (int context = 0; context < OTTL_CONTEXT_COUNT; context++) {
		struct condition_list *list = &self->conditions[context];
		for (size_t i = 0; i < list->count; i++) {
			struct filter_condition *condition = &list->at[i];
			uint64_t dropped = counter_get(&condition->dropped);
			if (dropped == condition->reported)
				continue;
			log_info(&self->log, LOG_REPORT("Filter dropped spans"),
				 LOG_SLICE("condition", condition->text),
				 LOG_UINT("dropped", dropped - condition->reported),
				 LOG_UINT("dropped_total", dropped),
				 LOG_UINT("filter_dropped_total", spans));
			condition->reported = dropped;
		}
	}
}

struct lint {
	struct filter *filter;
	struct filter_condition *condition;
	struct config_report *report;
};

static void on_finding(void *arg, const char *finding)
{
	struct lint *lint = arg;
	config_problem(lint->report, CONFIG_WARNING, lint->condition->loc, lint->filter->log.id,
		       NULL, "condition %.*s: %s", SLICE_FMT(lint->condition->text), finding);
}

static void lint(void *arg, struct config_report *report)
{
	struct filter *self = arg;
	for (int context = 0; context < OTTL_CONTEXT_COUNT; context++) {
		struct condition_list *list = &self->conditions[context];
		for (size_t i = 0; i < list->count; i++) {
			struct lint lint = {self, &list->at[i], report};
			ottl_lint(list->at[i].condition, on_finding, &lint);
		}
	}
}

static const struct processor_ops ops = {.create = create,
					 .shard_new = shard_new,
					 .shard_free = shard_free,
					 .process = process,
					 .report = report,
					 .lint = lint,
					 .destroy = destroy,
					 .adds = ADDS_NOTHING};

const struct component_type processor_filter = {
	.kind = COMPONENT_PROCESSOR,
	.names = {"filter"},
	.summary = "Drops resources, spans and span events by OTTL conditions.",
	.config = &filter_block,
	.metrics = &metrics,
	.processor = &ops};
