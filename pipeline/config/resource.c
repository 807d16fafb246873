/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file says besides a plain configuration: an OpenTelemetryCollector custom resource of the
 * Kubernetes operator is unwrapped (v1beta1: spec.config is a map; v1alpha1: it is a string of
 * YAML, whose positions still point into the file), so is a ConfigMap with a configuration in it
 * (data: relay.yaml, config.yaml … as charts write them); other Kubernetes documents are skipped.
 */
#include "pipeline/config/internal.h"

/* Stands for a text without any document; never changed. */
static struct config_node empty_document = {.kind = CONFIG_NULL};

static bool text_is(const struct config_node *node, const char *text)
{
	return node && node->kind == CONFIG_SCALAR && slice_equal(node->text, slice_str(text));
}

static bool is_kubernetes(const struct config_node *root)
{
	const struct config_node *version = config_get(root, "apiVersion");
	const struct config_node *kind = config_get(root, "kind");
	return version && version->kind == CONFIG_SCALAR && kind && kind->kind == CONFIG_SCALAR;
}

static bool is_collector(const struct config_node *root)
{
	return text_is(config_get(root, "kind"), "OpenTelemetryCollector") &&
	       slice_has_prefix(config_get(root, "apiVersion")->text, SLICE("opentelemetry.io/"));
}

/* Whether a line of ${text} begins with ${key}. */
static bool has_top_key(struct slice text, struct slice key)
{
	for (size_t at = 0; at < text.len; at++) {
		if (slice_has_prefix(slice_of(text.ptr + at, text.len - at), key))
			return true;
		const uint8_t *end = memchr(text.ptr + at, '\n', text.len - at);
		if (!end)
			return false;
		at = (size_t)(end - text.ptr);
	}
	return false;
}

/* By its look, so that the other files of a ConfigMap are not parsed. */
static bool looks_like_configuration(const struct config_node *node)
{
	return node->kind == CONFIG_SCALAR && has_top_key(node->text, SLICE("service:")) &&
	       has_top_key(node->text, SLICE("receivers:")) &&
	       has_top_key(node->text, SLICE("exporters:"));
}

/* The first entry of a ConfigMap's data from ${from} on that is a configuration; NULL: none. */
static const struct config_entry *configuration_in(const struct config_node *root, size_t from)
{
	const struct config_node *data = config_get(root, "data");
	if (!text_is(config_get(root, "kind"), "ConfigMap") || !data || data->kind != CONFIG_MAP)
		return NULL;
	for (size_t i = from; i < data->count; i++) {
		if (looks_like_configuration(data->entries[i].node))
			return &data->entries[i];
	}
	return NULL;
}

/* Line ${number} (from 1) of ${text}, without its end. */
static struct slice line_of(struct slice text, size_t number)
{
	size_t at = 0;
	for (size_t line = 1; line < number && at < text.len; at++)
		line += text.ptr[at] == '\n';
	size_t end = at;
	while (end < text.len && text.ptr[end] != '\n')
		end++;
	return slice_of(text.ptr + at, end - at);
}

static size_t indent_of(struct slice line)
{
	size_t indent = 0;
	while (indent < line.len && line.ptr[indent] == ' ')
		indent++;
	return indent;
}

/* The first line of ${text} that is not blank, from 1; 0 when all are. */
static size_t first_filled_line(struct slice text)
{
	size_t line = 1;
	for (size_t at = 0; at < text.len; at++) {
		if (text.ptr[at] == '\n')
			line++;
		else if (text.ptr[at] != ' ')
			return line;
	}
	return 0;
}

/* How positions inside the string ${node} map to the file. Only a literal block scalar (`|`) keeps
 * the file's lines; inside any other style every position becomes that of the scalar. */
static struct config_origin origin_inside(const struct config_node *node, struct slice file_text,
					  const struct config_origin *outer)
{
	struct config_origin inner = {.file = outer->file, .fixed = node->loc};
	struct slice start = line_of(file_text, node->loc.line);
	size_t first = first_filled_line(node->text);
	if (outer->fixed.file || outer->line_offset != 0 || node->loc.column == 0 ||
	    node->loc.column > start.len || start.ptr[node->loc.column - 1] != '|' || first == 0)
		return inner;
	size_t in_file = indent_of(line_of(file_text, node->loc.line + first));
	size_t in_text = indent_of(line_of(node->text, first));
	if (in_file < in_text)
		return inner;
	return (struct config_origin){.file = outer->file,
				      .line_offset = node->loc.line,
				      .column_offset = (uint32_t)(in_file - in_text)};
}

/* The configuration that is written as the text of ${node}. */
static struct config_node *parse_inside(struct config_loader *loader,
					const struct config_node *node, struct slice text,
					const struct config_origin *origin)
{
	struct config_documents documents;
	struct config_origin inside = origin_inside(node, text, origin);
	if (!config_yaml_parse(node->text, &inside, &loader->quota, loader->report, &documents))
		return NULL;
	return documents.count > 0 ? documents.at[0] : &empty_document;
}

/* The one configuration in the data of the ConfigMap ${root}, which has at least one. */
static struct config_node *configmap_config(struct config_loader *loader,
					    const struct config_node *root, struct slice text,
					    const struct config_origin *origin)
{
	const struct config_entry *entries = config_get(root, "data")->entries;
	const struct config_entry *first = configuration_in(root, 0);
	const struct config_entry *second = configuration_in(root, (size_t)(first - entries) + 1);
	if (!second)
		return parse_inside(loader, first->node, text, origin);
	config_problem(loader->report, CONFIG_ERROR, second->key_loc, "data", NULL,
		       "the ConfigMap holds more than one configuration (\"%.*s\", \"%.*s\"): "
		       "write the wanted one to a file of its own",
		       SLICE_FMT(first->key), SLICE_FMT(second->key));
	return NULL;
}

/* spec.config of the resource ${root}. */
static struct config_node *resource_config(struct config_loader *loader, struct config_node *root,
					   struct slice text, const struct config_origin *origin)
{
	const struct config_node *spec = config_get(root, "spec");
	struct config_node *config = NULL;
	for (size_t i = 0; spec && spec->kind == CONFIG_MAP && i < spec->count; i++) {
		if (slice_equal(spec->entries[i].key, SLICE("config")))
			config = spec->entries[i].node;
	}
	if (!config) {
		config_problem(loader->report, CONFIG_ERROR, root->loc, "spec", NULL,
			       "the OpenTelemetryCollector resource has no spec.config");
		return NULL;
	}
	if (config->kind != CONFIG_SCALAR)
		return config;
	return parse_inside(loader, config, text, origin);
}

struct config_node *config_resource_unwrap(struct config_loader *loader,
					   const struct config_documents *documents,
					   struct slice text, const struct config_origin *origin)
{
	struct config_node *found = NULL;
	const struct config_node *skipped = NULL;
	for (size_t i = 0; i < documents->count; i++) {
		struct config_node *root = documents->at[i];
		bool foreign =
			is_kubernetes(root) && !is_collector(root) && !configuration_in(root, 0);
		if (foreign)
			skipped = root;
		if (foreign || root->kind == CONFIG_NULL)
			continue;
		if (found) {
			config_problem(loader->report, CONFIG_ERROR, root->loc, "", NULL,
				       "a second configuration in the same file; the first begins "
				       "at line %u",
				       found->loc.line);
			return NULL;
		}
		found = root;
	}
	if (!found && skipped) {
		config_problem(loader->report, CONFIG_ERROR, skipped->loc, "", NULL,
			       "no configuration in the file, only Kubernetes documents of kind "
			       "\"%.*s\"",
			       SLICE_FMT(config_get(skipped, "kind")->text));
		return NULL;
	}
	if (!found)
		return &empty_document;
	if (!is_kubernetes(found))
		return found;
	return is_collector(found) ? resource_config(loader, found, text, origin)
				   : configmap_config(loader, found, text, origin);
}
