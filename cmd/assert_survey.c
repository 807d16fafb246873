/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each trace is opened as the judge opens it, and once more as the policy leaves it: what is the same
 * in both may be taken down. With groups all traces are gone through twice: first to learn which groups
 * there are, then to say what is in them.
 */
#include "cmd/assert_survey.h"

#include "exporters/debug/terminal.h"
#include "pipeline/expect/trial.h"

enum { GROUPS_OF_TRACE_MAX = 64 };

struct walk {
	struct survey *survey;
	struct assert_policy *policy;
	struct trial trial;
	const struct trace_view *left; /* the trace as the policy leaves it; during a visit */
	void (*visit)(struct walk *walk);
	bool grouped;
	uint64_t trace, span; /* numbers of those that are visited, from 1 */
	struct slice groups[GROUPS_OF_TRACE_MAX];
	size_t group_count;
	struct slice *names; /* by span; empty: not to be shown */
	struct buf text;
};

/* ---- what may be taken down ----------------------------------------------------------------- */

/* Whether ${text} stands in a file of one line a name as it is. */
static bool is_clean(struct walk *walk, struct slice text)
{
	buf_reset(&walk->text);
	terminal_append(&walk->text, text);
	return text.len > 0 && text.ptr[0] != '(' && slice_equal(buf_slice(&walk->text), text) &&
	       !memchr(text.ptr, '\n', text.len) && !memchr(text.ptr, '\t', text.len);
}

static struct slice name_of(struct walk *walk, uint32_t span)
{
	struct slice name = view_span_name(walk->trial.view, span);
	bool shown = view_span_live(walk->left, span) &&
		     slice_equal(view_span_name(walk->left, span), name) && is_clean(walk, name);
	return shown ? name : (struct slice){NULL, 0};
}

/* Whether the policy lets the attribute pass, or knows its key at least; "::" would part it in a file. */
static bool is_key(struct walk *walk, struct owner owner, const struct attr_view *attr)
{
	struct attr_view left;
	bool passes = view_attr_at(walk->left, owner, attr->at, &left) &&
		      slice_equal(left.key, attr->key);
	return (passes || assert_policy_names_key(attr->key)) && is_clean(walk, attr->key) &&
	       !memmem(attr->key.ptr, attr->key.len, "::", 2);
}

static bool take_names(struct walk *walk)
{
	walk->names = trial_alloc(&walk->trial, walk->trial.span_count, sizeof(*walk->names));
	for (uint32_t i = 0; walk->names && i < walk->trial.span_count; i++)
		walk->names[i] = name_of(walk, i);
	return walk->names != NULL;
}

/* ---- groups --------------------------------------------------------------------------------- */

void survey_append_name_condition(struct buf *out, struct slice name)
{
	buf_append_str(out, "name == \"");
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"' || name.ptr[i] == '\\')
			buf_append_byte(out, '\\');
		buf_append_byte(out, name.ptr[i]);
	}
	buf_append_byte(out, '"');
}

static struct slice group_text(struct walk *walk, struct slice name, bool root)
{
	buf_reset(&walk->text);
	survey_append_name_condition(&walk->text, name);
	if (root)
		buf_append_str(&walk->text, " and IsRootSpan()");
	return buf_slice(&walk->text);
}

static void add_group(struct walk *walk, struct slice name, bool root)
{
	const struct fact fact = {.group = group_text(walk, name, root), .type = FACT_GROUP};
	facts_add_trace(&walk->survey->facts, &fact, walk->trace);
}

/* The first pass: names of roots; of a trace without one, of the span that starts first. */
static void find_groups(struct walk *walk)
{
	uint32_t first = NO_SPAN;
	bool has_root = false;
	if (!take_names(walk))
		return;
	FOR_EACH_BIT (span, walk->trial.live, &walk->trial) {
		const struct trace_view *view = walk->trial.view;
		if (walk->names[span].len == 0)
			continue;
		if (walk->trial.tree.flags[span] & SPAN_ROOT) {
			add_group(walk, walk->names[span], true);
			has_root = true;
		}
		if (first == NO_SPAN ||
		    view_span_start_ns(view, span) < view_span_start_ns(view, first))
			first = span;
	}
	if (!has_root && first != NO_SPAN)
		add_group(walk, walk->names[first], false);
}

static void join_group(struct walk *walk, struct slice name, bool root)
{
	const struct fact fact = {.group = group_text(walk, name, root), .type = FACT_GROUP};
	const struct fact *group = facts_find(&walk->survey->facts, &fact);
	for (size_t i = 0; group && i < walk->group_count; i++) {
		if (slice_equal(walk->groups[i], group->group))
			return;
	}
	if (group && walk->group_count < GROUPS_OF_TRACE_MAX)
		walk->groups[walk->group_count++] = group->group;
	else if (group)
		walk->survey->facts.full = true;
}

/* A trace is in every group whose condition is true of one of its spans. */
static void join_groups(struct walk *walk)
{
	walk->group_count = 0;
	if (!walk->grouped) {
		walk->groups[walk->group_count++] = SLICE("");
		return;
	}
	FOR_EACH_BIT (span, walk->trial.live, &walk->trial) {
		if (walk->names[span].len == 0)
			continue;
		if (walk->trial.tree.flags[span] & SPAN_ROOT)
			join_group(walk, walk->names[span], true);
		join_group(walk, walk->names[span], false);
	}
}

/* ---- facts ---------------------------------------------------------------------------------- */

/* Says ${fact} of the span that is visited in all groups of the trace. False: said before. */
static bool add(struct walk *walk, struct fact fact)
{
	bool added = false;
	for (size_t i = 0; i < walk->group_count; i++) {
		fact.group = walk->groups[i];
		added = facts_add(&walk->survey->facts, &fact, walk->trace, walk->span) || added;
	}
	return added;
}

static void add_trace(struct walk *walk, enum fact_type type)
{
	for (size_t i = 0; i < walk->group_count; i++)
		facts_add_trace(&walk->survey->facts,
				&(struct fact){.group = walk->groups[i], .type = type},
				walk->trace);
}

static struct slice kind_word(int32_t kind)
{
	static const char *const words[] = {"unspecified", "internal", "server",
					    "client",	   "producer", "consumer"};
	return slice_str(kind >= 0 && kind < (int32_t)ARRAY_COUNT(words) ? words[kind] : "unknown");
}

static struct slice parent_word(const struct walk *walk, uint32_t span)
{
	uint8_t flags = walk->trial.tree.flags[span];
	uint32_t parent = walk->trial.tree.parent[span];
	if (flags & SPAN_ROOT)
		return SLICE(FACT_PARENT_NONE);
	if (flags & SPAN_CYCLIC)
		return SLICE(FACT_PARENT_CIRCLE);
	if (parent == NO_SPAN)
		return SLICE(FACT_PARENT_ABSENT);
	return walk->names[parent].len > 0 ? walk->names[parent] : SLICE(FACT_PARENT_HIDDEN);
}

static void add_attributes(struct walk *walk, uint32_t span)
{
	static const char *const types[VALUE_TYPE_COUNT] = {
		[VALUE_EMPTY] = "empty", [VALUE_STRING] = "string", [VALUE_BOOL] = "bool",
		[VALUE_INT] = "int",	 [VALUE_DOUBLE] = "double", [VALUE_ARRAY] = "array",
		[VALUE_KVLIST] = "map",	 [VALUE_BYTES] = "bytes",
	};
	const struct owner owner = {OWNER_SPAN, span};
	struct attr_cursor cursor = view_attrs(walk->trial.view, owner);
	struct attr_view attr;
	while (view_next_attr(walk->trial.view, &cursor, &attr)) {
		struct fact fact = {.span = walk->names[span], .type = FACT_KEY, .key = attr.key};
		if (!is_key(walk, owner, &attr)) {
			walk->survey->hidden_keys++;
			continue;
		}
		if (!add(walk, fact))
			continue; /* of an attribute that comes twice the first one counts */
		fact.type = FACT_VALUE_TYPE;
		fact.value = slice_str(types[attr.value_type]);
		(void)add(walk, fact);
	}
}

/* The value that is judged as the service's name: as the policy leaves it, and as it is. */
static void add_service(struct walk *walk, uint32_t span)
{
	const struct owner owner = {OWNER_RESOURCE, view_span_resource(walk->trial.view, span)};
	struct attr_cursor cursor = view_attrs(walk->trial.view, owner);
	struct attr_view attr, left;
	while (view_next_attr(walk->trial.view, &cursor, &attr)) {
		if (attr.value_type != VALUE_STRING ||
		    !slice_equal(attr.key, SLICE("service.name")) ||
		    !view_attr_at(walk->left, owner, attr.at, &left))
			continue;
		struct value value = view_attr_value(walk->trial.view, owner, &attr);
		if (value_equal(value, view_attr_value(walk->left, owner, &left)) &&
		    is_clean(walk, value.bytes))
			(void)add(walk, (struct fact){.type = FACT_SERVICE, .value = value.bytes});
		return;
	}
}

static void add_span(struct walk *walk, uint32_t span)
{
	struct slice name = walk->names[span];
	uint8_t flags = walk->trial.tree.flags[span];
	walk->span++;
	if (flags & SPAN_ROOT)
		(void)add(walk, (struct fact){.type = FACT_ROOTS});
	if (flags & SPAN_ORPHAN)
		(void)add(walk, (struct fact){.type = FACT_ORPHANS});
	add_service(walk, span);
	if (name.len == 0) {
		walk->survey->hidden_names++;
		return;
	}
	(void)add(walk, (struct fact){.type = FACT_SPAN, .span = name});
	(void)add(walk, (struct fact){.type = FACT_KIND,
				      .span = name,
				      .value = kind_word(view_span_kind(walk->trial.view, span))});
	(void)add(
		walk,
		(struct fact){.type = FACT_PARENT, .span = name, .value = parent_word(walk, span)});
	add_attributes(walk, span);
}

static void take_facts(struct walk *walk)
{
	if (!take_names(walk))
		return;
	join_groups(walk);
	add_trace(walk, FACT_ROOTS);
	add_trace(walk, FACT_ORPHANS);
	FOR_EACH_BIT (span, walk->trial.live, &walk->trial)
		add_span(walk, span);
	walk->survey->traces++;
}

/* ---- the walk ------------------------------------------------------------------------------- */

static void on_policy(void *arg, const struct trace_view *left)
{
	struct walk *walk = arg;
	walk->left = left;
	walk->visit(walk);
}

static int walk_buffers(struct walk *walk, const struct trace_buffer *const *buffers, size_t count,
			void (*visit)(struct walk *walk), struct err *err)
{
	int status = 0;
	walk->visit = visit;
	for (size_t i = 0; i < count; i++) {
		const struct buffered_trace *trace = trace_buffer_first(buffers[i]);
		for (; status == 0 && trace; trace = trace_buffer_next(trace)) {
			status = trial_open(&walk->trial, buffers[i], trace, err);
			walk->trace++;
			if (status == 0)
				status = assert_policy_apply(walk->policy,
							     view_body(walk->trial.view), on_policy,
							     walk, err);
			if (status == 0 && walk->trial.no_memory)
				status = err_set(err, ERR_NOMEM, "out of memory");
			trial_close(&walk->trial);
		}
	}
	return status;
}

static int run(struct walk *walk, const struct trace_buffer *const *buffers, size_t count,
	       struct err *err)
{
	if (walk->grouped && walk_buffers(walk, buffers, count, find_groups, err) != 0)
		return -1;
	if (walk_buffers(walk, buffers, count, take_facts, err) != 0)
		return -1;
	walk->survey->spans = walk->span;
	facts_sort(&walk->survey->facts);
	if (walk->survey->facts.full)
		return err_set(err, ERR_LIMIT, "the spans have too many forms to be taken down");
	return 0;
}

int survey_init(struct survey *survey, const struct trace_buffer *const *buffers, size_t count,
		struct assert_policy *policy, bool grouped, struct err *err)
{
	static const struct expectations nothing = {.count = 0};
	struct walk walk = {.survey = survey, .policy = policy, .grouped = grouped};
	struct judge_env env = assert_policy_env(policy);
	struct budget budget;
	struct key_table *keys = key_table_new();
	int status = -1;
	*survey = (struct survey){.spans = 0};
	facts_init(&survey->facts);
	budget_init(&budget, UINT64_MAX);
	if (!keys)
		(void)err_set(err, ERR_NOMEM, "out of memory");
	else if (key_table_freeze(keys, err) == 0 &&
		 trial_init(&walk.trial, &nothing, keys, &env, &budget, err) == 0) {
		status = run(&walk, buffers, count, err);
		trial_fini(&walk.trial);
	}
	buf_fini(&walk.text);
	key_table_free(keys);
	return status;
}

void survey_fini(struct survey *survey)
{
	facts_fini(&survey->facts);
}
