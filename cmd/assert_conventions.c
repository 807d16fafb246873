/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read as events, without a tree: resolved conventions are megabytes of prose of which a few words
 * count. An attribute is the map in a list of attributes; what lies below it is told by the key of the
 * attribute that it stands under.
 */
#include "cmd/assert_conventions.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

enum { KEY_BYTES = 32 }; /* longer keys mean nothing to us */

struct frame {
	bool is_map, has_key;
	char key[KEY_BYTES]; /* of a map: the last one; of a list: that it stands under */
};

struct reading {
	struct conventions *conventions;
	const char *file;
	struct frame frames[CONVENTIONS_DEPTH_MAX];
	unsigned depth;
	unsigned attribute; /* depth of the attribute that is read; 0: none */
	struct convention found;
	bool no_memory;
};

static struct frame *top(struct reading *reading)
{
	return reading->depth > 0 ? &reading->frames[reading->depth - 1] : NULL;
}

static const char *keep(struct reading *reading, const char *text)
{
	struct slice copy = arena_copy(reading->conventions->arena, slice_str(text));
	reading->no_memory = reading->no_memory || !copy.ptr;
	return (const char *)copy.ptr;
}

/* ---- an attribute --------------------------------------------------------------------------- */

/* Before there were keys for it, the new name stood in prose: "Replaced by `x`." */
static const char *quoted_name(struct reading *reading, const char *text)
{
	const char *open = strchr(text, '`');
	const char *close = open ? strchr(open + 1, '`') : NULL;
	if (!close)
		return NULL;
	char *name = arena_printf(reading->conventions->arena, "%.*s", (int)(close - open - 1),
				  open + 1);
	reading->no_memory = reading->no_memory || !name;
	return name;
}

static void set_type(struct reading *reading, const char *type)
{
	static const char prefix[] = "template[";
	size_t len = strlen(type);
	struct convention *found = &reading->found;
	if (strncmp(type, prefix, sizeof(prefix) - 1) == 0 && len > sizeof(prefix)) {
		found->is_template = true;
		found->type = arena_printf(reading->conventions->arena, "%.*s",
					   (int)(len - sizeof(prefix)), type + sizeof(prefix) - 1);
		reading->no_memory = reading->no_memory || !found->type;
	} else {
		found->type = keep(reading, type);
	}
}

static bool is_plain_number(const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && *text &&
	       strspn(text, "-0123456789") == event->data.scalar.length;
}

/* A value at some depth in the attribute. */
static void take_value(struct reading *reading, const yaml_event_t *event)
{
	const char *under = reading->frames[reading->attribute - 1].key;
	const char *key = top(reading)->key, *text = (const char *)event->data.scalar.value;
	struct convention *found = &reading->found;
	bool direct = reading->depth == reading->attribute;
	if (direct && (strcmp(key, "name") == 0 || strcmp(key, "key") == 0)) {
		found->name = keep(reading, text);
	} else if (direct && strcmp(key, "type") == 0) {
		set_type(reading, text);
	} else if (direct && strcmp(key, "deprecated") == 0) {
		found->deprecated = true;
		found->renamed_to = quoted_name(reading, text);
	} else if (!direct && strcmp(under, "deprecated") == 0) {
		found->deprecated = true;
		if (strcmp(key, "renamed_to") == 0)
			found->renamed_to = keep(reading, text);
	} else if (!direct && strcmp(under, "type") == 0 && strcmp(key, "value") == 0 &&
		   !found->type) {
		found->type = is_plain_number(event) ? "int" : "string";
	}
}

static void end_attribute(struct reading *reading)
{
	struct conventions *conventions = reading->conventions;
	reading->attribute = 0;
	if (!reading->found.name || !reading->found.type)
		return; /* a reference by number, or something else of that name */
	if (conventions->count == conventions->capacity) {
		size_t capacity = conventions->capacity ? conventions->capacity * 2 : 1024;
		struct convention *at = capacity > 2 * CONVENTIONS_MAX
						? NULL
						: realloc(conventions->at, capacity * sizeof(*at));
		reading->no_memory = reading->no_memory || !at;
		if (!at)
			return;
		conventions->at = at;
		conventions->capacity = capacity;
	}
	conventions->at[conventions->count++] = reading->found;
}

/* ---- events --------------------------------------------------------------------------------- */

static bool is_attribute_list(const struct frame *frame)
{
	return frame && !frame->is_map &&
	       (strcmp(frame->key, "attributes") == 0 || strcmp(frame->key, "catalog") == 0 ||
		strcmp(frame->key, "attribute_catalog") == 0);
}

static bool push(struct reading *reading, const yaml_event_t *event, bool is_map)
{
	struct frame *parent = top(reading);
	if (reading->depth == CONVENTIONS_DEPTH_MAX)
		return false;
	struct frame *frame = &reading->frames[reading->depth++];
	*frame = (struct frame){.is_map = is_map};
	if (!is_map && parent && parent->is_map)
		memcpy(frame->key, parent->key, sizeof(frame->key));
	if (is_map && reading->attribute == 0 && is_attribute_list(parent)) {
		reading->attribute = reading->depth;
		reading->found = (struct convention){
			.loc = {.file = reading->file,
				.line = (uint32_t)event->start_mark.line + 1,
				.column = (uint32_t)event->start_mark.column + 1}};
	}
	return true;
}

static void pop(struct reading *reading)
{
	if (reading->depth == reading->attribute)
		end_attribute(reading);
	reading->depth--;
	if (top(reading))
		top(reading)->has_key = false;
}

static void on_scalar(struct reading *reading, const yaml_event_t *event)
{
	struct frame *frame = top(reading);
	if (!frame)
		return;
	if (frame->is_map && !frame->has_key) {
		frame->has_key = true;
		(void)snprintf(frame->key, sizeof(frame->key), "%s",
			       (const char *)event->data.scalar.value);
		return;
	}
	if (frame->is_map && reading->attribute > 0)
		take_value(reading, event);
	frame->has_key = false;
}

/* False: too deep, or no memory. */
static bool on_event(struct reading *reading, const yaml_event_t *event)
{
	bool taken = true;
	switch (event->type) {
	case YAML_SCALAR_EVENT: on_scalar(reading, event); break;
	case YAML_MAPPING_START_EVENT: taken = push(reading, event, true); break;
	case YAML_SEQUENCE_START_EVENT: taken = push(reading, event, false); break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT: pop(reading); break;
	case YAML_ALIAS_EVENT:
		if (top(reading))
			top(reading)->has_key = false;
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
	case YAML_DOCUMENT_END_EVENT: break;
	}
	return taken && !reading->no_memory;
}

static int read_events(struct reading *reading, yaml_parser_t *parser, struct err *err)
{
	yaml_event_t event;
	bool more = true;
	while (more) {
		if (!yaml_parser_parse(parser, &event))
			return err_set(err, ERR_CONFIG, "%s:%zu: %s", reading->file,
				       parser->problem_mark.line + 1,
				       parser->problem ? parser->problem : "no YAML");
		more = event.type != YAML_STREAM_END_EVENT;
		bool taken = on_event(reading, &event);
		size_t line = event.start_mark.line + 1;
		yaml_event_delete(&event);
		if (!taken)
			return err_set(err, ERR_LIMIT, "%s:%zu: nested too deep, or too large",
				       reading->file, line);
	}
	return 0;
}

static int read_file(struct conventions *conventions, const char *path, struct err *err)
{
	struct reading reading = {.conventions = conventions, .file = path};
	FILE *file = fopen(path, "re");
	yaml_parser_t parser;
	if (!file)
		return err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
	int status = -1;
	if (yaml_parser_initialize(&parser)) {
		yaml_parser_set_input_file(&parser, file);
		status = read_events(&reading, &parser, err);
		yaml_parser_delete(&parser);
	} else {
		(void)err_set(err, ERR_NOMEM, "out of memory");
	}
	(void)fclose(file);
	return status;
}

/* ---- the folder ----------------------------------------------------------------------------- */

static int is_data(const struct dirent *entry)
{
	struct slice name = slice_str(entry->d_name);
	return slice_has_suffix(name, SLICE(".yaml")) || slice_has_suffix(name, SLICE(".yml")) ||
	       slice_has_suffix(name, SLICE(".json"));
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct convention *)a)->name, ((const struct convention *)b)->name);
}

/* A definition is repeated in each group that uses it. What one of them says is deprecated is. */
static void sort(struct conventions *conventions)
{
	size_t kept = 0;
	if (conventions->count > 0)
		qsort(conventions->at, conventions->count, sizeof(*conventions->at), compare);
	for (size_t i = 0; i < conventions->count; i++) {
		struct convention *last = kept > 0 ? &conventions->at[kept - 1] : NULL;
		if (!last || compare(last, &conventions->at[i]) != 0)
			conventions->at[kept++] = conventions->at[i];
		else if (conventions->at[i].deprecated && !last->deprecated)
			*last = conventions->at[i];
	}
	conventions->count = kept;
}

int conventions_read(struct conventions *conventions, const char *path, struct arena *arena,
		     struct err *err)
{
	struct dirent **entries = NULL;
	*conventions = (struct conventions){.arena = arena};
	int count = scandir(path, &entries, is_data, alphasort), status = 0;
	if (count < 0)
		return err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		char *file = arena_printf(arena, "%s/%s", path, entries[i]->d_name);
		if (status == 0)
			status = file ? read_file(conventions, file, err)
				      : err_set(err, ERR_NOMEM, "out of memory");
		free(entries[i]);
	}
	free(entries);
	if (status == 0 && conventions->count == 0)
		status = err_set(err, ERR_CONFIG,
				 "%s: no attributes in its *.yaml: write what `weaver registry "
				 "resolve` says there",
				 path);
	sort(conventions);
	return status;
}

void conventions_fini(struct conventions *conventions)
{
	free(conventions->at);
	*conventions = (struct conventions){.at = NULL};
}

const struct convention *conventions_find(const struct conventions *conventions, struct slice key)
{
	const struct convention *nearest = NULL;
	size_t low = 0, high = conventions->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_compare(slice_str(conventions->at[middle].name), key);
		if (order == 0)
			return &conventions->at[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = 0; i < conventions->count; i++) {
		struct slice name = slice_str(conventions->at[i].name);
		if (conventions->at[i].is_template && key.len > name.len + 1 &&
		    key.ptr[name.len] == '.' && slice_has_prefix(key, name))
			nearest = &conventions->at[i]; /* sorted: the longest comes last */
	}
	return nearest;
}

bool convention_takes(const struct convention *convention, struct slice word)
{
	static const struct {
		const char *type, *word;
	} types[] = {
		{"string", "string"}, {"int", "int"}, {"double", "double"}, {"boolean", "bool"}};
	struct slice type = slice_str(convention->type);
	if (slice_has_suffix(type, SLICE("[]")))
		return slice_equal(word, SLICE("array"));
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		if (slice_equal(type, slice_str(types[i].type)))
			return slice_equal(word, slice_str(types[i].word));
	}
	return true; /* "any", and what later versions may have */
}
