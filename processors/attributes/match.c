/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Match properties: lists of names of which one has to fit (services, span names, kinds), and
 * attributes and libraries of which all have to. With match_type regexp an expression has to be
 * found; with strict a text has to be the same. The caches that the Collector can be given have no
 * effect here: an expression takes time linear in the text.
 */
#include "processors/attributes/match.h"

#include "pipeline/base/text.h"
#include "processors/attribute_actions/config_value.h"

#include <stdlib.h>

enum match_type { MATCH_UNKNOWN = 0, MATCH_STRICT, MATCH_REGEXP };

/* Texts of which one has to fit. */
struct text_set {
	struct slice *texts;
	struct regex **regexes; /* NULL: the texts are meant literally */
	size_t count;		/* 0: nothing is asked */
};

struct attr_match {
	key_id key;
	bool has_value;
	struct value value;	/* strict */
	struct text_set values; /* regexp */
};

struct attr_matches {
	struct attr_match *at;
	size_t count;
};

struct library_match {
	struct text_set name, version;
};

struct match {
	struct regex *regexes; /* all of them */
	enum match_type type;
	struct text_set services, span_names, span_kinds;
	struct attr_matches attributes, resources;
	struct library_match *libraries;
	size_t library_count;
	key_id service_name;
};

/* ---- configuration -------------------------------------------------------------------------- */

struct attr_config {
	const char *key;
	const struct config_node *value;
};

static const struct config_field attr_fields[] = {
	CONFIG_STRING(struct attr_config, key, "key", NULL, "The attribute that has to be there."),
	CONFIG_NODE(struct attr_config, value, "value",
		    "Its value, of the type that YAML gives it; without one any will do. regexp: "
		    "an expression, found in a text, a number or a bool."),
};
static const struct config_block attr_block = CONFIG_BLOCK(struct attr_config, attr_fields);

struct library_config {
	const char *name;
	const struct config_node *version;
};

static const struct config_field library_fields[] = {
	CONFIG_STRING(struct library_config, name, "name", NULL, "Of the instrumentation scope."),
	CONFIG_NODE(struct library_config, version, "version",
		    "Of the instrumentation scope; not set: any."),
};
static const struct config_block library_block =
	CONFIG_BLOCK(struct library_config, library_fields);

static const struct config_field cache_fields[] = {
	CONFIG_IGNORED(BOOL, "cacheenabled", "Accepted; there is no cache."),
	CONFIG_IGNORED(I64, "cachemaxnumentries", "Accepted; there is no cache."),
};
static const struct config_block cache_block = CONFIG_BLOCK_OF_IGNORED(cache_fields);

static const struct config_field fields[] = {
	CONFIG_STRING(struct match_config, match_type, "match_type", NULL,
		      "strict or regexp: how texts are compared."),
	CONFIG_IGNORED_BLOCK("regexp", &cache_block, "Accepted; there is no cache."),
	CONFIG_STRING_LIST(struct match_config, services, "services",
			   "service.name of the resource, one of these."),
	CONFIG_STRING_LIST(struct match_config, span_names, "span_names", "One of these."),
	CONFIG_STRING_LIST(struct match_config, span_kinds, "span_kinds",
			   "One of these: SPAN_KIND_SERVER, SPAN_KIND_CLIENT, SPAN_KIND_INTERNAL, "
			   "SPAN_KIND_PRODUCER, SPAN_KIND_CONSUMER."),
	CONFIG_SUB_LIST(struct match_config, attributes, "attributes", &attr_block,
			"Attributes of the span; all have to fit."),
	CONFIG_SUB_LIST(struct match_config, resources, "resources", &attr_block,
			"Attributes of the resource; all have to fit."),
	CONFIG_SUB_LIST(struct match_config, libraries, "libraries", &library_block,
			"Instrumentation scopes; all have to fit."),
	CONFIG_STRING_LIST(struct match_config, log_bodies, "log_bodies",
			   "Refused: spans have none."),
	CONFIG_STRING_LIST(struct match_config, log_severity_texts, "log_severity_texts",
			   "Refused: spans have none."),
	CONFIG_NODE(struct match_config, log_severity_number, "log_severity_number",
		    "Refused: spans have none."),
	CONFIG_STRING_LIST(struct match_config, metric_names, "metric_names",
			   "Refused: spans have none."),
};
const struct config_block match_block = CONFIG_BLOCK(struct match_config, fields);

/* ---- making --------------------------------------------------------------------------------- */

struct making {
	const struct component_env *env;
	struct config_report *report;
	struct match *match;
};

static bool wrong(struct making *making, const char *what)
{
	config_problem(making->report, CONFIG_ERROR, (struct config_loc){0}, making->env->path,
		       NULL, "%s", what);
	return false;
}

static bool wrong_error(struct making *making, const char *what, const struct err *err)
{
	const char *text =
		arena_printf(making->env->arena, "error creating %s filters: %s", what, err->msg);
	return wrong(making, text ? text : what);
}

/* ${what} stands in the Collector's text of what is wrong. */
static bool make_set(struct making *making, const char *const *texts, size_t count,
		     const char *what, struct text_set *set)
{
	struct arena *arena = making->env->arena;
	bool regexp = making->match->type == MATCH_REGEXP;
	struct err err;
	if (count > 0 && making->match->type == MATCH_UNKNOWN)
		return wrong(making, "unrecognized match_type, valid types are: [regexp strict]");
	set->texts = arena_calloc(arena, count, sizeof(*set->texts));
	set->regexes = regexp ? arena_calloc(arena, count, sizeof(struct regex *)) : NULL;
	if (!set->texts || (regexp && !set->regexes))
		return false;
	for (; set->count < count; set->count++) {
		struct slice text = slice_str(texts[set->count]);
		set->texts[set->count] = text;
		if (!regexp)
			continue;
		struct regex *regex = regex_new(text, &err);
		if (!regex)
			return wrong_error(making, what, &err);
		set->regexes[set->count] = regex;
		regex_push(&making->match->regexes, regex);
	}
	return true;
}

static bool make_strings(struct making *making, const struct config_strings *strings,
			 const char *what, struct text_set *set)
{
	return strings->count == 0 || make_set(making, strings->at, strings->count, what, set);
}

static const char *text_of(struct making *making, const struct config_node *node)
{
	return node->kind == CONFIG_SCALAR
		       ? (const char *)arena_copy(making->env->arena, node->text).ptr
		       : NULL;
}

static bool make_value(struct making *making, const struct attr_config *config, const char *what,
		       struct attr_match *attr)
{
	attr->has_value = config_value_is_set(config->value);
	if (!attr->has_value)
		return true;
	if (!config_value_read(making->env, config->value, &attr->value))
		return false;
	if (making->match->type == MATCH_STRICT)
		return true;
	if (making->match->type == MATCH_REGEXP && attr->value.type != VALUE_STRING) {
		const char *text = arena_printf(making->env->arena,
						"error creating %s filters: match_type=regexp for "
						"\"%s\" only supports Str",
						what, config->key);
		return wrong(making, text ? text : what);
	}
	const char *text = text_of(making, config->value);
	return make_set(making, &text, 1, what, &attr->values);
}

static bool make_attrs(struct making *making, const struct config_blocks *list, const char *what,
		       struct attr_matches *attrs)
{
	struct err err;
	attrs->at = arena_calloc(making->env->arena, list->count, sizeof(*attrs->at));
	for (size_t i = 0; attrs->at && i < list->count; i++) {
		const struct attr_config *config = list->at[i];
		struct attr_match *attr = &attrs->at[attrs->count++];
		if (!config->key[0]) {
			(void)err_set(&err, ERR_CONFIG,
				      "can't have empty key in the list of attributes");
			return wrong_error(making, what, &err);
		}
		attr->key = key_table_add(making->env->keys, slice_str(config->key), &err);
		if (attr->key == KEY_ID_NONE)
			return wrong_error(making, what, &err);
		if (!make_value(making, config, what, attr))
			return false;
	}
	return attrs->at != NULL;
}

static bool make_libraries(struct making *making, const struct config_blocks *list)
{
	struct match *match = making->match;
	match->libraries = arena_calloc(making->env->arena, list->count, sizeof(*match->libraries));
	for (size_t i = 0; match->libraries && i < list->count; i++) {
		const struct library_config *config = list->at[i];
		struct library_match *library = &match->libraries[match->library_count++];
		if (!make_set(making, &config->name, 1, "library name", &library->name))
			return false;
		if (!config_value_is_set(config->version))
			continue;
		const char *version = text_of(making, config->version);
		if (!version)
			return wrong(making, "'version' of a library must be a text");
		if (!make_set(making, &version, 1, "library version", &library->version))
			return false;
	}
	return match->libraries != NULL;
}

static bool is_kind(const char *text);

/* What the Collector refuses for spans. */
static bool check(struct making *making, const struct match_config *config)
{
	if (config->log_bodies.count > 0)
		return wrong(making, "log_bodies should not be specified for trace spans");
	if (config->log_severity_texts.count > 0)
		return wrong(making, "log_severity_texts should not be specified for trace spans");
	if (config_value_is_set(config->log_severity_number))
		return wrong(making, "log_severity_number should not be specified for trace spans");
	if (config->metric_names.count > 0)
		return wrong(making, "metric_names should not be specified for trace spans");
	if (config->services.count + config->span_names.count + config->span_kinds.count +
		    config->attributes.count + config->resources.count + config->libraries.count ==
	    0)
		return wrong(making, "at least one of \"attributes\", \"libraries\",  or "
				     "\"resources\" field must be specified");
	for (size_t i = 0; making->match->type == MATCH_STRICT && i < config->span_kinds.count;
	     i++) {
		if (!is_kind(config->span_kinds.at[i]))
			return wrong(making,
				     "span_kinds string must match one of the standard span kinds "
				     "when match_type=strict: [SPAN_KIND_CLIENT SPAN_KIND_CONSUMER "
				     "SPAN_KIND_INTERNAL SPAN_KIND_PRODUCER SPAN_KIND_SERVER]");
	}
	return true;
}

struct match *match_new(const struct component_env *env, const struct match_config *config,
			struct config_report *report)
{
	struct err err;
	struct match *match = calloc(1, sizeof(*match));
	struct making making = {env, report, match};
	if (!match)
		return NULL;
	if (strcmp(config->match_type, "strict") == 0)
		match->type = MATCH_STRICT;
	else if (strcmp(config->match_type, "regexp") == 0)
		match->type = MATCH_REGEXP;
	match->service_name = key_table_add(env->keys, SLICE("service.name"), &err);
	if (check(&making, config) && make_libraries(&making, &config->libraries) &&
	    make_attrs(&making, &config->attributes, "attribute", &match->attributes) &&
	    make_attrs(&making, &config->resources, "resource", &match->resources) &&
	    make_strings(&making, &config->services, "service name", &match->services) &&
	    make_strings(&making, &config->span_names, "span name", &match->span_names) &&
	    make_strings(&making, &config->span_kinds, "span kind", &match->span_kinds) &&
	    match->service_name != KEY_ID_NONE)
		return match;
	match_free(match);
	return NULL;
}

void match_free(struct match *match)
{
	if (!match)
		return;
	regex_list_free(match->regexes);
	free(match);
}

/* ---- asking --------------------------------------------------------------------------------- */

struct question {
	struct attribute_scratch *scratch;
	const struct trace_view *view;
	bool doubt;
};

static bool set_holds(const struct text_set *set, const struct question *question,
		      struct slice text)
{
	for (size_t i = 0; i < set->count; i++) {
		if (!set->regexes) {
			if (slice_equal(set->texts[i], text))
				return true;
			continue;
		}
		switch (regex_search(set->regexes[i], text, &question->scratch->regex)) {
		case REGEX_MATCH: return true;
		case REGEX_FAILED: return question->doubt;
		case REGEX_NO_MATCH: break;
		}
	}
	return set->count == 0;
}

/* As the Collector's matcher writes values, not as the rest of it does. */
static bool append_value(struct buf *out, const struct value *value)
{
	buf_reset(out);
	if (value->type == VALUE_DOUBLE)
		text_append_plain_double(out, value->d);
	else if (value->type == VALUE_STRING || value->type == VALUE_BOOL ||
		 value->type == VALUE_INT)
		value_append_text(out, *value);
	else
		return false;
	return true;
}

static bool value_fits(const struct attr_match *attr, const struct question *question,
		       struct value value)
{
	struct buf *text = &question->scratch->text;
	if (attr->values.count == 0)
		return attr->value.type == value.type && value_equal(attr->value, value);
	if (value.type == VALUE_STRING)
		return set_holds(&attr->values, question, value.bytes);
	if (!append_value(text, &value))
		return false;
	return text->failed ? question->doubt : set_holds(&attr->values, question, buf_slice(text));
}

static bool attrs_fit(const struct attr_matches *attrs, const struct question *question,
		      struct owner owner)
{
	struct value value;
	for (size_t i = 0; i < attrs->count; i++) {
		const struct attr_match *attr = &attrs->at[i];
		if (!view_find_attr(question->view, owner, attr->key, &value) ||
		    (attr->has_value && !value_fits(attr, question, value)))
			return false;
	}
	return true;
}

static bool service_fits(const struct match *match, const struct question *question,
			 uint32_t resource)
{
	struct owner owner = {OWNER_RESOURCE, resource};
	struct buf *text = &question->scratch->text;
	struct value value;
	if (match->services.count == 0)
		return true;
	if (!view_find_attr(question->view, owner, match->service_name, &value))
		return set_holds(&match->services, question, SLICE("<nil-service-name>"));
	buf_reset(text);
	value_append_text(text, value);
	return text->failed ? question->doubt
			    : set_holds(&match->services, question, buf_slice(text));
}

static const char *const kinds[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL",
				    "SPAN_KIND_SERVER",	     "SPAN_KIND_CLIENT",
				    "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER"};

static bool is_kind(const char *text)
{
	for (size_t i = 1; i < ARRAY_COUNT(kinds); i++) {
		if (strcmp(kinds[i], text) == 0)
			return true;
	}
	return false;
}

static struct slice kind_name(int32_t kind)
{
	bool known = kind >= 0 && kind < (int32_t)ARRAY_COUNT(kinds);
	return known ? slice_str(kinds[kind]) : SLICE("");
}

static bool libraries_fit(const struct match *match, const struct question *question,
			  uint32_t scope)
{
	for (size_t i = 0; i < match->library_count; i++) {
		const struct library_match *library = &match->libraries[i];
		if (!set_holds(&library->name, question, view_scope_name(question->view, scope)) ||
		    !set_holds(&library->version, question,
			       view_scope_version(question->view, scope)))
			return false;
	}
	return true;
}

bool match_span(const struct match *match, struct attribute_scratch *scratch,
		const struct trace_view *view, uint32_t span, bool doubt)
{
	const struct question question = {scratch, view, doubt};
	uint32_t resource = view_span_resource(view, span);
	return service_fits(match, &question, resource) &&
	       set_holds(&match->span_names, &question, view_span_name(view, span)) &&
	       set_holds(&match->span_kinds, &question, kind_name(view_span_kind(view, span))) &&
	       libraries_fit(match, &question, view_span_scope(view, span)) &&
	       attrs_fit(&match->resources, &question, (struct owner){OWNER_RESOURCE, resource}) &&
	       attrs_fit(&match->attributes, &question, (struct owner){OWNER_SPAN, span});
}
