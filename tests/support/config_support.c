/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/config_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ARENA_BYTES_MAX = 256 << 20 };

void config_support_init(struct config_support *s)
{
	*s = (struct config_support){0};
	arena_init(&s->arena, NULL, ARENA_BYTES_MAX);
	config_report_init(&s->report, &s->arena);
}

void config_support_fini(struct config_support *s)
{
	arena_fini(&s->arena);
	buf_fini(&s->text);
}

static const char *look_up(const struct config_support_pair *pairs, const char *name)
{
	for (; pairs && pairs->name; pairs++) {
		if (strcmp(pairs->name, name) == 0)
			return pairs->value;
	}
	return NULL;
}

static const char *get_env(void *arg, const char *name)
{
	const struct config_support *s = arg;
	return look_up(s->env, name);
}

static int read_file(void *arg, const char *path, struct buf *ret_text, struct err *err)
{
	const struct config_support *s = arg;
	const char *text = look_up(s->files, path);
	if (!text && s->main_text && strcmp(path, "test.yaml") == 0)
		text = s->main_text;
	if (!text)
		return err_set(err, ERR_IO, "open %s: No such file or directory", path);
	buf_append_str(ret_text, text);
	return 0;
}

struct config_support_files config_support_files(struct config_support *s)
{
	return (struct config_support_files){.env = {get_env, s}, .files = {read_file, s}};
}

static size_t count(const char *const *texts)
{
	size_t n = 0;
	while (texts && texts[n])
		n++;
	return n;
}

const struct config_node *config_support_load(struct config_support *s, const char *const *uris,
					      const char *const *sets)
{
	struct config_support_files sources = config_support_files(s);
	struct config_load load = {
		.uris = uris,
		.uri_count = count(uris),
		.sets = sets,
		.set_count = count(sets),
		.env = sources.env,
		.files = sources.files,
	};
	return config_load(&load, &s->report);
}

const struct config_node *config_support_load_text(struct config_support *s, const char *text)
{
	static const char *const uris[] = {"test.yaml", NULL};
	s->main_text = text;
	return config_support_load(s, uris, NULL);
}

static const char *print(struct config_support *s, enum config_severity severity)
{
	buf_reset(&s->text);
	config_report_print(&s->report, severity, &s->text);
	return buf_cstr(&s->text);
}

const char *config_support_errors(struct config_support *s)
{
	return print(s, CONFIG_ERROR);
}

const char *config_support_warnings(struct config_support *s)
{
	return print(s, CONFIG_WARNING);
}

const struct config_node *config_support_at(const struct config_node *root, const char *path)
{
	while (root && *path) {
		char key[128];
		size_t len = strcspn(path, ".[");
		if (*path == '[') {
			char *end;
			size_t index = strtoul(path + 1, &end, 10);
			if (root->kind != CONFIG_LIST || index >= root->count)
				return NULL;
			root = root->items[index];
			path = end + 1;
		} else {
			if (len >= sizeof(key))
				return NULL;
			memcpy(key, path, len);
			key[len] = '\0';
			root = config_get(root, key);
			path += len;
		}
		path += *path == '.';
	}
	return root;
}

static void dump_scalar(const struct config_node *node, struct buf *out)
{
	switch (node->scalar) {
	case SCALAR_STRING: buf_printf(out, "s\"%.*s\"", SLICE_FMT(node->text)); break;
	case SCALAR_BOOL: buf_printf(out, "b%.*s", SLICE_FMT(node->text)); break;
	case SCALAR_INT: buf_printf(out, "i%.*s", SLICE_FMT(node->text)); break;
	case SCALAR_FLOAT: buf_printf(out, "f%.*s", SLICE_FMT(node->text)); break;
	}
}

static void dump(const struct config_node *node, struct buf *out)
{
	switch (node->kind) {
	case CONFIG_NULL:
	case CONFIG_KIND_COUNT: buf_append_str(out, "null"); break;
	case CONFIG_SCALAR: dump_scalar(node, out); break;
	case CONFIG_LIST:
		buf_append_str(out, "[");
		for (size_t i = 0; i < node->count; i++) {
			buf_append_str(out, i > 0 ? ", " : "");
			dump(node->items[i], out);
		}
		buf_append_str(out, "]");
		break;
	case CONFIG_MAP:
		buf_append_str(out, "{");
		for (size_t i = 0; i < node->count; i++) {
			buf_printf(out, "%s%.*s: ", i > 0 ? ", " : "",
				   SLICE_FMT(node->entries[i].key));
			dump(node->entries[i].node, out);
		}
		buf_append_str(out, "}");
		break;
	}
}

const char *config_support_dump(struct config_support *s, const struct config_node *node)
{
	buf_reset(&s->text);
	if (node)
		dump(node, &s->text);
	else
		buf_append_str(&s->text, "(none)");
	return buf_cstr(&s->text);
}

void config_support_check_trees(const struct config_support_tree *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct config_support s;
		config_support_init(&s);
		const struct config_node *root = config_support_load_text(&s, cases[i].text);
		if (!root)
			fail_msg("%s: %s", cases[i].text, config_support_errors(&s));
		assert_string_equal(config_support_dump(&s, root), cases[i].want);
		config_support_fini(&s);
	}
}
