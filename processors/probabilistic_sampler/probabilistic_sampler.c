/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probabilistic sampler, mode hash_seed, bit for bit as the Collector's: a span is kept when
 * the low 14 bits of FNV-1a over seed (little-endian) and trace id are below the percentage's share
 * of 2^14. The decision depends on the trace id alone, so all spans of a trace share it, whatever
 * request, shard or replica they pass. The attribute `sampling.priority` overrides it: 0 drops,
 * more keeps.
 *
 * A span without a trace id, or one whose trace state says that a consistent sampler has decided
 * already (OpenTelemetry's `ot=th:…` or `ot=rv:…`), cannot be decided by the hash: `fail_closed` says
 * what happens to it. Trace state is left as it is.
 */
#include "pipeline/graph/component.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { HASH_BUCKETS = 0x4000 };

struct sampler_config {
	double sampling_percentage;
	uint32_t hash_seed, sampling_precision;
	int mode, attribute_source;
	bool fail_closed;
};

static const char *const modes[] = {"hash_seed", "", NULL};
static const char *const sources[] = {"traceID", "record", "", NULL};

enum { PRECISION_DIGITS_MAX = 14 }; /* hexadecimal digits of a threshold */

static const struct config_field fields[] = {
	CONFIG_DOUBLE(struct sampler_config, sampling_percentage, "sampling_percentage", "0", 0,
		      3.4e38, "%", "Share of traces to keep; 100 and more keeps all."),
	CONFIG_U32(struct sampler_config, hash_seed, "hash_seed", "0", 0, 4294967295.0, "",
		   "Same seed, same decisions: set it alike on all replicas of a tier."),
	CONFIG_ENUM(struct sampler_config, mode, "mode", modes, "hash_seed",
		    "hash_seed; proportional and equalizing are not in this build."),
	CONFIG_BOOL(struct sampler_config, fail_closed, "fail_closed", "true",
		    "Drop spans that the hash cannot decide (no trace id, or another sampler's "
		    "decision in their trace state); false keeps them."),
	CONFIG_U32(struct sampler_config, sampling_precision, "sampling_precision", "4", 1,
		   PRECISION_DIGITS_MAX, "",
		   "Checked, no effect: it concerns the modes not in "
		   "this build."),
	CONFIG_ENUM(struct sampler_config, attribute_source, "attribute_source", sources, "traceID",
		    "Checked, no effect: for logs in the Collector."),
	CONFIG_IGNORED(STRING, "from_attribute", "Accepted; for logs in the Collector."),
	CONFIG_IGNORED(STRING, "sampling_priority", "Accepted; for logs in the Collector."),
};

/* The smallest share that the Collector's thresholds can say: 2^-56. */
#define SHARE_MIN (1.0 / 72057594037927936.0)

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	double percentage = ((const struct sampler_config *)config)->sampling_percentage;
	if (percentage > 0 && percentage / 100 < SHARE_MIN)
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL, "sampling rate is too small: %g%%", percentage);
}

static const struct config_block block = CONFIG_BLOCK_CHECKED(struct sampler_config, fields, check);

enum policy { POLICY_HASH = 0, POLICY_PRIORITY, POLICY_COUNT };

struct sampler {
	uint32_t seed, threshold; /* keep below */
	bool keep_undecided;
	key_id priority_key;
	struct counter counts[POLICY_COUNT][2]; /* spans, [1]: kept */
};

static const struct metric_desc metric_sampled = {
	"otelcol_processor_probabilistic_sampler_count_traces_sampled", "{traces}",
	"Count of traces that were sampled or not [Development]", METRIC_COUNTER};

#define ROW(policy, policy_name, kept, kept_name)                                                  \
	{                                                                                          \
		&metric_sampled, offsetof(struct sampler, counts[policy][kept]),                   \
		{                                                                                  \
			"policy", policy_name, "sampled", kept_name                                \
		}                                                                                  \
	}
static const struct metric_row metric_rows[] = {
	ROW(POLICY_HASH, "trace_id_hash", 0, "false"),
	ROW(POLICY_HASH, "trace_id_hash", 1, "true"),
	ROW(POLICY_PRIORITY, "sampling_priority", 0, "false"),
	ROW(POLICY_PRIORITY, "sampling_priority", 1, "true"),
};
_Static_assert(ARRAY_COUNT(metric_rows) == 2 * POLICY_COUNT, "a counter has no row");
static const struct metric_table metrics = METRIC_TABLE(NULL, metric_rows);

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	const struct sampler_config *sampler = config;
	struct err err;
	struct sampler *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->seed = sampler->hash_seed;
	/* In single precision, as the Collector computes it. */
	float share = (float)sampler->sampling_percentage * (float)(HASH_BUCKETS / 100.0);
	self->threshold = share >= (float)HASH_BUCKETS ? HASH_BUCKETS : (uint32_t)share;
	self->keep_undecided = !sampler->fail_closed && sampler->sampling_percentage > 0;
	self->priority_key = key_table_add(env->keys, SLICE("sampling.priority"), &err);
	if (self->priority_key == KEY_ID_NONE) {
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, env->path, NULL, "%s",
			       err.msg);
		free(self);
		return NULL;
	}
	return self;
}

/* FNV-1a, 32 bits, over the seed's four bytes and the trace id. */
static uint32_t hash(uint32_t seed, struct slice trace_id)
{
	uint32_t state = 2166136261u;
	for (int i = 0; i < 4; i++)
		state = (state ^ (seed >> (8 * i) & 0xff)) * 16777619u;
	for (size_t i = 0; i < trace_id.len; i++)
		state = (state ^ trace_id.ptr[i]) * 16777619u;
	return state;
}

/* A number as Go's strconv.ParseFloat reads one: unlike strtod without white space in front,
 * hexadecimal only with an exponent, and no number at all when it is too large. */
static bool parse_number(struct slice digits, double *ret_number)
{
	char text[64], *end;
	if (digits.len == 0 || digits.len >= sizeof(text))
		return false;
	memcpy(text, digits.ptr, digits.len);
	text[digits.len] = 0;
	if (strchr(" \t\n\v\f\r", text[0]) || strchr(text, '(') ||
	    (strpbrk(text, "xX") && !strpbrk(text, "pP")))
		return false;
	errno = 0;
	*ret_number = strtod(text, &end);
	return end == text + digits.len && !(errno == ERANGE && fabs(*ret_number) > 1);
}

/* sampling.priority as a number; false when absent or not a number. */
static bool read_priority(const struct sampler *self, const struct trace_view *view, uint32_t span,
			  double *ret_priority)
{
	struct value value;
	if (!view_find_attr(view, (struct owner){OWNER_SPAN, span}, self->priority_key, &value))
		return false;
	if (value.type == VALUE_INT) {
		*ret_priority = (double)value.i;
		return true;
	}
	if (value.type == VALUE_DOUBLE) {
		*ret_priority = value.d;
		return true;
	}
	return value.type == VALUE_STRING && parse_number(value.bytes, ret_priority);
}

/* Cuts ${rest} at the next ${separator} and returns what stood before it. */
static struct slice next_part(struct slice *rest, char separator)
{
	const uint8_t *end = memchr(rest->ptr, separator, rest->len);
	struct slice part = slice_of(rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len);
	size_t used = part.len + (end ? 1 : 0);
	*rest = slice_of(rest->ptr + used, rest->len - used);
	return part;
}

/* True when a consistent sampler's randomness or threshold is in the trace state's member `ot` (the
 * last one): its parts "key:value" are separated by semicolons. */
static bool is_decided_elsewhere(struct slice trace_state)
{
	bool decided = false;
	while (trace_state.len > 0) {
		struct slice member = slice_trim(next_part(&trace_state, ','));
		if (!slice_has_prefix(member, SLICE("ot=")))
			continue;
		member = slice_of(member.ptr + 3, member.len - 3);
		decided = false;
		while (member.len > 0) {
			struct slice part = next_part(&member, ';');
			decided |= slice_has_prefix(part, SLICE("th:")) ||
				   slice_has_prefix(part, SLICE("rv:"));
		}
	}
	return decided;
}

static bool is_empty_id(struct slice id)
{
	static const uint8_t zero_id[TRACE_ID_BYTES];
	return id.len == 0 || memcmp(id.ptr, zero_id, sizeof(zero_id)) == 0;
}

static bool keep(struct sampler *self, const struct trace_view *view, uint32_t span,
		 enum policy *ret_policy)
{
	double priority;
	*ret_policy = POLICY_PRIORITY;
	if (read_priority(self, view, span, &priority)) {
		if (priority == 0)
			return false;
		if (priority > 0)
			return true;
	}
	*ret_policy = POLICY_HASH;
	struct slice trace_id = view_span_trace_id(view, span);
	if (is_empty_id(trace_id) || is_decided_elsewhere(view_span_trace_state(view, span)))
		return self->keep_undecided;
	return (hash(self->seed, trace_id) & (HASH_BUCKETS - 1)) < self->threshold;
}

static enum outcome process(void *arg, void *state, struct trace_view *view, struct err *err)
{
	struct sampler *self = arg;
	uint64_t counts[POLICY_COUNT][2] = {{0}};
	(void)state;
	(void)err;
	for (uint32_t span = 0; span < view_span_count(view); span++) {
		enum policy policy;
		if (!view_span_live(view, span))
			continue;
		bool kept = keep(self, view, span, &policy);
		counts[policy][kept]++;
		if (!kept)
			edit_drop_span(view, span);
	}
	for (int policy = 0; policy < POLICY_COUNT; policy++) {
		tally_add(edit_tally(view), &self->counts[policy][0], counts[policy][0]);
		tally_add(edit_tally(view), &self->counts[policy][1], counts[policy][1]);
	}
	return OUTCOME_TAKEN;
}

static void destroy(void *self)
{
	free(self);
}

static const struct processor_ops ops = {
	.create = create, .process = process, .destroy = destroy, .adds = ADDS_NOTHING};

const struct component_type processor_probabilistic_sampler = {
	.kind = COMPONENT_PROCESSOR,
	.names = {"probabilistic_sampler"},
	.summary = "Keeps a share of all traces, decided by trace id.",
	.config = &block,
	.metrics = &metrics,
	.processor = &ops};
