/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One span in Langfuse's words. Whatever the application has set under a name of Langfuse's stays
 * as it is, unless Langfuse would refuse it (a version that is no number, a type in capitals).
 */
#include "processors/langfuse/buckets.h"
#include "processors/langfuse/langfuse_internal.h"
#include "processors/langfuse/parameters.h"
#include "processors/langfuse/values.h"

enum { PROMPT_VERSION_MAX = 65535 };

/* A span that is written. */
struct writer {
	struct run *run;
	uint32_t span;
	struct span_note *note;
	struct span_roles roles;
	enum observation_type type;
	bool type_explicit;
};

static struct owner owner_of(const struct writer *writer)
{
	return span_owner(writer->span);
}

static bool has(const struct writer *writer, enum role role)
{
	return roles_has(&writer->roles, role);
}

static void set(struct writer *writer, enum role role, uint8_t rank, struct value value)
{
	keys_set(&writer->run->self->keys, writer->run->view, owner_of(writer), role, rank, value);
}

static void remove_key(struct writer *writer, enum role role, uint8_t rank)
{
	(void)edit_remove_attr(writer->run->view, owner_of(writer),
			       keys_id(&writer->run->self->keys, role, rank));
}

static bool has_attr(const struct writer *writer, key_id id)
{
	struct value value;
	return id != KEY_ID_NONE && view_find_attr(writer->run->view, owner_of(writer), id, &value);
}

/* Keeps what a role says for people, in its place among the metadata, if nothing is there yet. */
static void set_metadata(struct writer *writer, enum role role)
{
	const struct run *run = writer->run;
	const struct keys *keys = &run->self->keys;
	const struct key_row *row = keys_row(keys, keys_id(keys, role, writer->roles.rank[role]));
	key_id place = keys_place(keys, row);
	if (!has_attr(writer, place))
		edit_set_attr(run->view, owner_of(writer), view_key_text(run->view, place), place,
			      roles_value(&writer->roles, role));
}

/* The JSON text being written, begun anew. */
static struct buf *begin_json(const struct writer *writer)
{
	buf_reset(&writer->run->scratch->text);
	return &writer->run->scratch->text;
}

static void set_json(struct writer *writer, enum role role, const struct buf *json)
{
	if (!json->failed)
		set(writer, role, 0, value_of_str(buf_slice(json)));
}

/* ---- names ---------------------------------------------------------------------------------- */

/* One attribute, as it was received or as it was converted from that. */
static void move_attr(struct writer *writer, const struct attr_view *attr, key_id place)
{
	struct trace_view *view = writer->run->view;
	bool taken = has_attr(writer, place);
	if (attr->attr != VIEW_ATTR_ADDED && taken) {
		edit_drop_attr(view, attr->attr);
	} else if (attr->attr != VIEW_ATTR_ADDED) {
		edit_rename_attr(view, owner_of(writer), attr->attr, view_key_text(view, place),
				 place);
	} else {
		if (!taken)
			edit_set_attr(view, owner_of(writer), view_key_text(view, place), place,
				      view_attr_value(view, owner_of(writer), attr));
		(void)edit_remove_attr(view, owner_of(writer), attr->key_id);
	}
}

/* Moves keys to their places among the metadata. With a place taken, the old one goes: under
 * gen_ai.prompt it would pass for the span's input. With ${uncounted}, tokens and costs move, too. */
static void move_attrs(struct writer *writer, bool uncounted)
{
	const struct run *run = writer->run;
	const struct keys *keys = &run->self->keys;
	struct attr_view attr;
	for (struct attr_cursor cursor = view_attrs(run->view, owner_of(writer));
	     view_next_attr(run->view, &cursor, &attr);) {
		const struct key_row *row = keys_row(keys, attr.key_id);
		if (!row)
			continue;
		if (row->role != ROLE_RENAMED &&
		    !(uncounted && (row->flags & (KEY_USAGE | KEY_COST))))
			continue;
		move_attr(writer, &attr, keys_place(keys, row));
	}
}

/* Langfuse has no key for an observation's name: it is the span's, unless one of these is there. */
static void set_name(struct writer *writer)
{
	static const enum role blockers[] = {ROLE_TOOL_NAME, ROLE_AI_TOOL_NAME, ROLE_AI_OPERATION,
					     ROLE_GENKIT_NAME, ROLE_LOGFIRE_MESSAGE};
	struct slice name = roles_text(&writer->roles, ROLE_NAME);
	if (name.len == 0)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(blockers); i++) {
		if (!has(writer, blockers[i]))
			continue;
		set_metadata(writer, blockers[i]);
		remove_key(writer, blockers[i], 0);
		/* The type that Langfuse took from it stays. */
		writer->type_explicit |= writer->type > TYPE_NATIVE;
	}
	edit_set_span_name(writer->run->view, writer->span, name);
	remove_key(writer, ROLE_NAME, 0);
}

/* ---- type and model ------------------------------------------------------------------------- */

static void set_type(struct writer *writer)
{
	if (writer->type_explicit)
		set(writer, ROLE_TYPE, 0,
		    value_of_str(slice_str(observation_type_name(writer->type))));
	else if (has(writer, ROLE_TYPE) &&
		 (writer->type == TYPE_UNSAID ||
		  !slice_equal(roles_text(&writer->roles, ROLE_TYPE),
			       slice_str(observation_type_name(writer->type)))))
		remove_key(writer, ROLE_TYPE, 0);
}

static struct slice configured_model(const struct run *run, uint32_t span)
{
	const struct langfuse *self = run->self;
	struct slice service = run_resource(run, span)->service;
	for (size_t i = 0; i < self->model_count; i++) {
		if (slice_equal(self->models[i].service, service))
			return self->models[i].model;
	}
	return (struct slice){NULL, 0};
}

/* The model of an engine span, which names none itself. */
static struct slice join_model(struct writer *writer)
{
	struct run *run = writer->run;
	bool ambiguous;
	struct slice model = models_of(run, writer->span, &ambiguous);
	if (model.len > 0) {
		run->counts[COUNT_MODEL_FROM_TRACE]++;
		return model;
	}
	run->counts[COUNT_MODEL_AMBIGUOUS] += ambiguous;
	model = configured_model(run, writer->span);
	run->counts[model.len > 0 ? COUNT_MODEL_FROM_CONFIG : COUNT_MODEL_UNKNOWN]++;
	return model;
}

/* Returns the model that the span ends up with. */
static struct slice set_model(struct writer *writer)
{
	struct slice model = roles_text(&writer->roles, ROLE_MODEL);
	if (model.len > 0)
		return model;
	if (has(writer, ROLE_OTHER_MODEL))
		model = values_unquoted(roles_text(&writer->roles, ROLE_OTHER_MODEL));
	else if (writer->note->class == CLASS_ENGINE && !(writer->note->flags & NOTE_PREFILL))
		model = join_model(writer);
	if (model.len > 0)
		set(writer, ROLE_MODEL, 0, value_of_str(model));
	return model;
}

/* ---- usage and cost ------------------------------------------------------------------------- */

/* A number that came as text is refused by one of Langfuse's two ways in. */
static void set_cost_number(struct writer *writer, double total)
{
	if (roles_value(&writer->roles, ROLE_COST).type != VALUE_INT &&
	    roles_value(&writer->roles, ROLE_COST).type != VALUE_DOUBLE)
		set(writer, ROLE_COST, writer->roles.rank[ROLE_COST], value_of_double(total));
}

/* A cost that says nothing goes: Langfuse would take it for the truth. */
static void remove_vain_costs(struct writer *writer)
{
	while (has(writer, ROLE_COST) &&
	       !cost_is_sound(&writer->roles, writer->run->self->keep_zero_cost)) {
		remove_key(writer, ROLE_COST, writer->roles.rank[ROLE_COST]);
		keys_roles(&writer->run->self->keys, writer->run->view, owner_of(writer),
			   &writer->roles);
	}
}

/* Writes the cost that the span says, in a form that Langfuse reads. False when it says none. */
static bool set_said_cost(struct writer *writer)
{
	enum { NATIVE_COST_RANK_MAX = 1 };
	struct cost cost;
	if (has(writer, ROLE_COST_DETAILS))
		return true;
	remove_vain_costs(writer);
	if (!cost_read(&writer->roles, writer->run->self->keep_zero_cost, &cost))
		return false;
	if (has(writer, ROLE_COST) && writer->roles.rank[ROLE_COST] <= NATIVE_COST_RANK_MAX) {
		set_cost_number(writer, cost.total);
		return true;
	}
	struct buf *json = begin_json(writer);
	cost_write(&cost, json);
	set_json(writer, ROLE_COST_DETAILS, json);
	return true;
}

/* Whatever has a cost may show all of its parts; else only those that Langfuse has a price for: the
 * others would cost nothing. */
static void set_usage_and_cost(struct writer *writer, struct slice model)
{
	const struct langfuse *self = writer->run->self;
	struct usage usage;
	bool used = usage_read(&writer->roles, &usage);
	bool said = set_said_cost(writer);
	const struct price *price =
		used && !said ? price_find(self->prices, self->price_count, model) : NULL;
	if (!used)
		return;
	if (writer->note->flags & NOTE_SAME_PROMPT)
		usage_forget_input(&usage);
	bool parts = usage.known[BUCKET_CACHED] || usage.known[BUCKET_CACHE_CREATION] ||
		     usage.known[BUCKET_REASONING];
	if (parts)
		usage_split(&usage, said || price ? UINT8_MAX
						  : buckets_priced(self->priced, self->priced_count,
								   model));
	if (!has(writer, ROLE_USAGE_DETAILS)) {
		struct buf *json = begin_json(writer);
		usage_write(&usage, json);
		set_json(writer, ROLE_USAGE_DETAILS, json);
	}
	struct buf *cost = begin_json(writer);
	if (price && price_write(price, &usage, cost)) {
		set_json(writer, ROLE_COST_DETAILS, cost);
		writer->run->counts[COUNT_PRICED]++;
	}
}

/* ---- time ----------------------------------------------------------------------------------- */

/* When the first token came: as the span says it, or whoever else tells of its call. */
static void set_completion_start(struct writer *writer)
{
	uint64_t start_ns = view_span_start_ns(writer->run->view, writer->span);
	uint64_t end_ns = view_span_end_ns(writer->run->view, writer->span);
	uint64_t at_ns = writer->note->first_token_ns;
	char text[TIME_BYTES];
	if (has(writer, ROLE_COMPLETION_START) || has(writer, ROLE_NATIVE_FIRST_CHUNK) ||
	    at_ns <= start_ns || at_ns > end_ns)
		return;
	if (values_write_time(at_ns, text))
		set(writer, ROLE_COMPLETION_START, 0, value_of_str(slice_of(text, TIME_BYTES)));
}

/* ---- prompts -------------------------------------------------------------------------------- */

static bool prompt_version(const struct writer *writer, int64_t *ret_version)
{
	uint64_t version;
	if (!has(writer, ROLE_PROMPT_VERSION) ||
	    !value_as_count(roles_value(&writer->roles, ROLE_PROMPT_VERSION), &version) ||
	    version > PROMPT_VERSION_MAX)
		return false;
	*ret_version = (int64_t)version;
	return true;
}

/* Name and version together, or neither: half a pair makes Langfuse refuse the observation. */
static void set_prompt(struct writer *writer)
{
	struct slice name = roles_text(&writer->roles, ROLE_PROMPT_NAME);
	int64_t version;
	if (!has(writer, ROLE_PROMPT_NAME) && !has(writer, ROLE_PROMPT_VERSION))
		return;
	bool pair = name.len > 0 && prompt_version(writer, &version);
	if (!pair) {
		if (has(writer, ROLE_PROMPT_NAME))
			set_metadata(writer, ROLE_PROMPT_NAME);
		if (has(writer, ROLE_PROMPT_VERSION))
			set_metadata(writer, ROLE_PROMPT_VERSION);
	}
	for (uint8_t rank = pair ? 1 : 0; rank <= 1; rank++) {
		remove_key(writer, ROLE_PROMPT_NAME, rank);
		remove_key(writer, ROLE_PROMPT_VERSION, rank);
	}
	if (!pair)
		return;
	if (writer->roles.rank[ROLE_PROMPT_NAME] != 0)
		set(writer, ROLE_PROMPT_NAME, 0, value_of_str(name));
	if (writer->roles.rank[ROLE_PROMPT_VERSION] != 0 ||
	    roles_value(&writer->roles, ROLE_PROMPT_VERSION).type != VALUE_INT)
		set(writer, ROLE_PROMPT_VERSION, 0, value_of_int(version));
}

/* ---- the trace's keys on the span itself ---------------------------------------------------- */

static void set_as_text(struct writer *writer, enum role role, uint8_t rank)
{
	struct buf *text = begin_json(writer);
	value_append_text(text, roles_value(&writer->roles, role));
	set(writer, role, rank, value_of_str(buf_slice(text)));
}

/* An id under a name of Langfuse's that it does not read moves; one under another maker's is said in
 * Langfuse's own words, too, and so is the id of a conversation, which it reads on roots alone. One
 * that is no text becomes one. */
static void set_id(struct writer *writer, enum role role)
{
	enum { MISNAMED_RANK = 1, CONVERSATION_RANK = 3 };
	if (!has(writer, role))
		return;
	uint8_t rank = writer->roles.rank[role];
	const struct keys *keys = &writer->run->self->keys;
	bool unread = (keys_row(keys, keys_id(keys, role, rank))->flags & KEY_UNREAD) != 0;
	bool anew = unread || (role == ROLE_SESSION && rank == CONVERSATION_RANK);
	if (anew || roles_value(&writer->roles, role).type != VALUE_STRING)
		set_as_text(writer, role, anew ? 0 : rank);
	if (rank == MISNAMED_RANK)
		remove_key(writer, role, rank);
}

static void set_trace_keys(struct writer *writer)
{
	static const enum role texts[] = {ROLE_TRACE_NAME, ROLE_VERSION, ROLE_RELEASE};
	struct slice name = roles_text(&writer->roles, ROLE_TRACE_NAME);
	struct slice cut = traces_cut(name, TRACE_NAME_BYTES_MAX);
	set_id(writer, ROLE_USER);
	set_id(writer, ROLE_SESSION);
	if (cut.len < name.len)
		set(writer, ROLE_TRACE_NAME, 0, value_of_str(cut));
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		if (has(writer, texts[i]) &&
		    roles_value(&writer->roles, texts[i]).type != VALUE_STRING)
			set_as_text(writer, texts[i], 0);
	}
	if (has(writer, ROLE_ENVIRONMENT))
		values_set_environment(writer->run, owner_of(writer), &writer->roles);
	if (!has(writer, ROLE_TAGS))
		return;
	uint8_t rank = writer->roles.rank[ROLE_TAGS];
	struct slice tags = traces_tags(writer->run, roles_value(&writer->roles, ROLE_TAGS));
	bool clean = roles_value(&writer->roles, ROLE_TAGS).type == VALUE_ARRAY &&
		     slice_equal(tags, roles_value(&writer->roles, ROLE_TAGS).bytes);
	if (tags.len == 0)
		remove_key(writer, ROLE_TAGS, rank);
	else if (!clean)
		set(writer, ROLE_TAGS, rank, (struct value){.type = VALUE_ARRAY, .bytes = tags});
}

/* ---- a whole request ------------------------------------------------------------------------------ */

static void write_span(struct writer *writer)
{
	uint32_t flags = writer->note->flags;
	bool uncounted = (flags & (NOTE_PREFILL | NOTE_COUNTED_ELSEWHERE)) != 0;
	bool call = writer->note->class == CLASS_ENGINE || writer->note->class == CLASS_CALL;
	writer->type = observation_type(&writer->roles, (enum span_class)writer->note->class,
					&writer->type_explicit);
	/* A leg of a call is no call; neither is an engine's share of one that is shown already. */
	if (writer->note->class == CLASS_ENGINE && uncounted && !has(writer, ROLE_TYPE)) {
		writer->type = TYPE_SPAN;
		writer->type_explicit = true;
	}
	set_trace_keys(writer);
	set_name(writer);
	struct slice model = set_model(writer);
	if (!uncounted && (writer->roles.flags & (KEY_USAGE | KEY_COST | KEY_ANSWER)) != 0)
		set_usage_and_cost(writer, model);
	if (call && !(flags & NOTE_PREFILL))
		parameters_set(writer->run, writer->span, &writer->roles);
	if (writer->type != TYPE_SPAN)
		set_completion_start(writer);
	set_prompt(writer);
	if (call && !uncounted && has(writer, ROLE_PROMPT_NAME) && writer->type == TYPE_UNSAID) {
		writer->type = TYPE_GENERATION;
		writer->type_explicit = true;
	}
	set_type(writer);
	if (has(writer, ROLE_E2E))
		set_metadata(writer, ROLE_E2E);
	if (has(writer, ROLE_RENAMED) || uncounted)
		move_attrs(writer, uncounted);
	/* Langfuse would find parts of the tokens in the answer. */
	if (uncounted && (writer->roles.flags & KEY_ANSWER))
		set(writer, ROLE_USAGE_DETAILS, 0, value_of_str(SLICE(NO_USAGE)));
}

static void set_root(struct run *run, uint32_t span)
{
	keys_set(&run->self->keys, run->view, span_owner(span), ROLE_APP_ROOT, 0,
		 value_of_bool(true));
	if (run->groups[run->notes[span].group].roots_made == 1)
		edit_set_span_parent(run->view, span, (struct slice){NULL, 0});
}

/* Apart from rewrite_span, as most spans are left as they are: a writer is large. */
static __attribute__((noinline)) void rewrite_all_of(struct run *run, uint32_t span)
{
	struct writer writer;
	writer.run = run;
	writer.span = span;
	writer.note = &run->notes[span];
	keys_roles(&run->self->keys, run->view, span_owner(span), &writer.roles);
	write_span(&writer);
}

void rewrite_span(struct run *run, uint32_t span)
{
	const struct keys *keys = &run->self->keys;
	uint32_t flags = run->notes[span].flags;
	if (flags & NOTE_REWRITE)
		rewrite_all_of(run, span);
	else if (flags & NOTE_SPAN_TYPE)
		keys_set(keys, run->view, span_owner(span), ROLE_TYPE, 0,
			 value_of_str(slice_str(observation_type_name(TYPE_SPAN))));
	if (flags & NOTE_ROOT)
		set_root(run, span);
	else if (flags & NOTE_AS_ROOT) /* it would rename the whole trace */
		(void)edit_remove_attr(run->view, span_owner(span), keys_id(keys, ROLE_AS_ROOT, 0));
	traces_spread(run, span);
}
