/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of paths and their resolution. Unprefixed paths belong to the condition's own context;
 * prefixed ones (`resource.attributes["k"]`) to that element above it, or to the context itself.
 */
#include "pipeline/ottl/path.h"

#include <stdio.h>

enum indexing { INDEX_NONE = 0, INDEX_MAP, INDEX_ONE_KEY };

#define IN(context) (1u << (context))

struct path_field {
	struct slice name, part; /* `name` or `name.part` */
	unsigned contexts;
	enum field field;
	enum term_type type;
	enum indexing indexing;
};

#define FIELD_ROW(path_name, path_part, where, path_field, term)                                   \
	{                                                                                          \
		.name = SLICE_INIT(path_name), .part = SLICE_INIT(path_part), .contexts = (where), \
		.field = (path_field), .type = (term),                                             \
	}

enum {
	SPAN = IN(OTTL_SPAN),
	EVENT = IN(OTTL_SPANEVENT),
	SCOPE = IN(OTTL_SCOPE),
	RESOURCE = IN(OTTL_RESOURCE),
	EVERYWHERE = SPAN | EVENT | SCOPE | RESOURCE,
};

static const struct path_field fields[] = {
	{.name = SLICE_INIT("attributes"),
	 .contexts = EVERYWHERE,
	 .field = FIELD_ATTRIBUTES,
	 .type = TERM_MAP,
	 .indexing = INDEX_MAP},
	{.name = SLICE_INIT("cache"),
	 .contexts = EVERYWHERE,
	 .field = FIELD_CACHE,
	 .type = TERM_MAP,
	 .indexing = INDEX_MAP},
	{.name = SLICE_INIT("trace_state"),
	 .contexts = SPAN,
	 .field = FIELD_TRACE_STATE,
	 .type = TERM_STRING,
	 .indexing = INDEX_ONE_KEY},
	FIELD_ROW("dropped_attributes_count", "", EVERYWHERE, FIELD_DROPPED_ATTRIBUTES_COUNT,
		  TERM_INT),
	FIELD_ROW("name", "", SPAN | EVENT | SCOPE, FIELD_NAME, TERM_STRING),
	FIELD_ROW("version", "", SCOPE, FIELD_VERSION, TERM_STRING),
	FIELD_ROW("schema_url", "", SCOPE | RESOURCE, FIELD_SCHEMA_URL, TERM_STRING),
	FIELD_ROW("trace_id", "", SPAN, FIELD_TRACE_ID, TERM_TRACE_ID),
	FIELD_ROW("trace_id", "string", SPAN, FIELD_TRACE_ID_STRING, TERM_STRING),
	FIELD_ROW("span_id", "", SPAN, FIELD_SPAN_ID, TERM_SPAN_ID),
	FIELD_ROW("span_id", "string", SPAN, FIELD_SPAN_ID_STRING, TERM_STRING),
	FIELD_ROW("parent_span_id", "", SPAN, FIELD_PARENT_SPAN_ID, TERM_SPAN_ID),
	FIELD_ROW("parent_span_id", "string", SPAN, FIELD_PARENT_SPAN_ID_STRING, TERM_STRING),
	FIELD_ROW("kind", "", SPAN, FIELD_KIND, TERM_INT),
	FIELD_ROW("kind", "string", SPAN, FIELD_KIND_STRING, TERM_STRING),
	FIELD_ROW("kind", "deprecated_string", SPAN, FIELD_KIND_DEPRECATED_STRING, TERM_STRING),
	FIELD_ROW("start_time", "", SPAN, FIELD_START_TIME, TERM_TIME),
	FIELD_ROW("start_time_unix_nano", "", SPAN, FIELD_START_TIME_UNIX_NANO, TERM_INT),
	FIELD_ROW("end_time", "", SPAN, FIELD_END_TIME, TERM_TIME),
	FIELD_ROW("end_time_unix_nano", "", SPAN, FIELD_END_TIME_UNIX_NANO, TERM_INT),
	FIELD_ROW("dropped_events_count", "", SPAN, FIELD_DROPPED_EVENTS_COUNT, TERM_INT),
	FIELD_ROW("dropped_links_count", "", SPAN, FIELD_DROPPED_LINKS_COUNT, TERM_INT),
	FIELD_ROW("events", "", SPAN, FIELD_EVENTS, TERM_EVENTS),
	FIELD_ROW("links", "", SPAN, FIELD_LINKS, TERM_LINKS),
	FIELD_ROW("status", "", SPAN, FIELD_STATUS, TERM_STATUS),
	FIELD_ROW("status", "code", SPAN, FIELD_STATUS_CODE, TERM_INT),
	FIELD_ROW("status", "message", SPAN, FIELD_STATUS_MESSAGE, TERM_STRING),
	FIELD_ROW("flags", "", SPAN, FIELD_FLAGS, TERM_INT),
	FIELD_ROW("time", "", EVENT, FIELD_TIME, TERM_TIME),
	FIELD_ROW("time_unix_nano", "", EVENT, FIELD_TIME_UNIX_NANO, TERM_INT),
	FIELD_ROW("event_index", "", EVENT, FIELD_EVENT_INDEX, TERM_INT),
};

static const struct context_name {
	struct slice prefix;
	enum ottl_context context;
} context_names[] = {
	/* lowest first: the order in which error texts list them */
	{SLICE_INIT("spanevent"), OTTL_SPANEVENT},
	{SLICE_INIT("span"), OTTL_SPAN},
	{SLICE_INIT("scope"), OTTL_SCOPE},
	{SLICE_INIT("instrumentation_scope"), OTTL_SCOPE},
	{SLICE_INIT("resource"), OTTL_RESOURCE},
};

static const struct {
	const char *title, *page;
} context_texts[OTTL_CONTEXT_COUNT] = {
	[OTTL_RESOURCE] = {"Resource", "ottlresource"},
	[OTTL_SCOPE] = {"Instrumentation Scope", "ottlscope"},
	[OTTL_SPAN] = {"Span", "ottlspan"},
	[OTTL_SPANEVENT] = {"Span Event", "ottlspanevent"},
};

bool path_context_of(struct slice name, enum ottl_context *ret_context)
{
	for (size_t i = 0; i < ARRAY_COUNT(context_names); i++) {
		if (slice_equal(name, context_names[i].prefix)) {
			*ret_context = context_names[i].context;
			return true;
		}
	}
	return false;
}

static int refuse_segment(enum ottl_context context, struct slice segment,
			  const struct path_text *path, struct err *err)
{
	return err_set(err, ERR_CONFIG,
		       "segment \"%.*s\" from path \"%s\" is not a valid path nor a valid OTTL "
		       "keyword for the %s context - review https://github.com/open-telemetry/"
		       "opentelemetry-collector-contrib/tree/main/pkg/ottl/contexts/%s to see all "
		       "valid paths",
		       SLICE_FMT(segment), path->text, context_texts[context].title,
		       context_texts[context].page);
}

static const struct path_field *find_field(enum ottl_context level, struct slice name,
					   struct slice part, bool *ret_has_parts)
{
	const struct path_field *found = NULL;
	*ret_has_parts = false;
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		const struct path_field *field = &fields[i];
		if (!(field->contexts & IN(level)) || !slice_equal(field->name, name))
			continue;
		*ret_has_parts = *ret_has_parts || field->part.len > 0;
		if (slice_equal(field->part, part))
			found = field;
	}
	return found;
}

static int refuse_keys(struct slice name, struct err *err)
{
	return err_set(err, ERR_CONFIG,
		       "the keys indexing \"%.*s\" were not used by the context - this likely "
		       "means you are trying to index a path that does not support indexing",
		       SLICE_FMT(name));
}

/* Reads the segments from ${first} on. NULL with ${err}. */
static const struct path_field *resolve_field(const struct path_text *path, size_t first,
					      enum ottl_context level, struct err *err)
{
	const struct path_segment *head = &path->segments[first];
	const struct path_segment *tail = first + 1 < path->count ? head + 1 : NULL;
	const struct slice none = {NULL, 0};
	bool has_parts;
	const struct path_field *field =
		find_field(level, head->name, tail ? tail->name : none, &has_parts);
	const struct path_field *whole = find_field(level, head->name, none, &has_parts);
	if (!whole)
		return refuse_segment(level, head->name, path, err), NULL;
	if (tail && !field && has_parts)
		return refuse_segment(level, tail->name, path, err), NULL;
	if (tail && (!field || first + 2 < path->count)) {
		struct slice extra = field ? head[2].name : tail->name;
		return err_set(err, ERR_CONFIG,
			       "the path section \"%.*s\" was not used by the context - this "
			       "likely means you are using extra path sections",
			       SLICE_FMT(extra)),
		       NULL;
	}
	if (tail && head->keys)
		return refuse_keys(head->name, err), NULL;
	const struct path_segment *last = tail ? tail : head;
	if (last->keys && field->indexing == INDEX_NONE)
		return refuse_keys(last->name, err), NULL;
	if (field->indexing == INDEX_ONE_KEY && last->keys && last->keys->next)
		return err_set(err, ERR_CONFIG,
			       "must provide exactly 1 key when accessing trace_state"),
		       NULL;
	return field;
}

/* The prefixes that ${context} can see. */
static void list_prefixes(enum ottl_context context, char *out, size_t size)
{
	size_t used = 0;
	for (size_t i = 0; i < ARRAY_COUNT(context_names) && used < size; i++) {
		const struct context_name *name = &context_names[i];
		if (name->context > context)
			continue;
		int len = snprintf(out + used, size - used, "%s\"%.*s\"", used > 0 ? ", " : "",
				   SLICE_FMT(name->prefix));
		used += len > 0 ? (size_t)len : 0;
	}
}

/* ${path}, written without a prefix, with each under which it exists: what may be pasted. */
static void list_paths(const struct path_text *path, enum ottl_context context, char *out,
		       size_t size)
{
	size_t used = 0;
	out[0] = 0;
	for (size_t i = 0; i < ARRAY_COUNT(context_names) && used < size; i++) {
		const struct context_name *name = &context_names[i];
		if (name->context > context || !resolve_field(path, 0, name->context, NULL))
			continue;
		int len = snprintf(out + used, size - used, "%s%.*s.%s", used > 0 ? ", " : "",
				   SLICE_FMT(name->prefix), path->source);
		used += len > 0 ? (size_t)len : 0;
	}
}

/* Finds the element that the path is about; *ret_first is the segment after the prefix. */
static int resolve_level(const struct path_scope *scope, const struct path_text *path,
			 enum ottl_context *ret_level, size_t *ret_first, struct err *err)
{
	char options[320];
	struct slice head = path->segments[0].name;
	enum ottl_context level;
	bool prefixed = path->count > 1 && !path->segments[0].keys && path_context_of(head, &level);
	if (prefixed && level <= scope->context) {
		*ret_level = level;
		*ret_first = 1;
		return 0;
	}
	if (prefixed || (scope->prefixes_required && path->count > 1)) {
		list_prefixes(scope->context, options, sizeof(options));
		return err_set(err, ERR_CONFIG,
			       "context \"%.*s\" from path \"%s\" is not valid, it must be "
			       "replaced by one of: %s",
			       SLICE_FMT(head), path->text, options);
	}
	if (scope->prefixes_required) {
		list_paths(path, scope->context, options, sizeof(options));
		return err_set(err, ERR_CONFIG, "missing context name for path \"%s\"%s%s",
			       path->text, options[0] ? ", possibly valid options are: " : "",
			       options);
	}
	*ret_level = scope->context;
	*ret_first = 0;
	return 0;
}

int path_resolve(const struct path_scope *scope, const struct path_text *path, struct node *node,
		 struct node *spare, struct err *err)
{
	enum ottl_context level;
	size_t first;
	if (resolve_level(scope, path, &level, &first, err) != 0)
		return -1;
	const struct path_field *field = resolve_field(path, first, level, err);
	if (!field)
		return -1;
	node->kind = NODE_PATH;
	node->type = field->type;
	node->path.level = level;
	node->path.field = field->field;
	struct node *keys = path->segments[path->count - 1].keys;
	if (keys && field->field == FIELD_ATTRIBUTES && keys->kind == NODE_LITERAL &&
	    keys->literal.type == TERM_STRING) {
		node->key = keys->literal.bytes;
		node->path.field = FIELD_ATTRIBUTE;
		node->path.key_id = key_table_add(scope->keys, node->key, err);
		node->type = TERM_UNKNOWN;
		if (node->path.key_id == KEY_ID_NONE)
			return -1;
		keys = keys->next;
	}
	if (!keys)
		return 0;
	*spare = *node;
	*node = (struct node){
		.kind = NODE_INDEX, .type = TERM_UNKNOWN, .offset = node->offset, .child = spare};
	spare->next = keys;
	return 0;
}
