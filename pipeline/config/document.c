/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables as Markdown, for `sluice components --markdown` and the reference documentation. */
#include "pipeline/config/bind.h"

static void print_words(const struct config_field *field, struct buf *out)
{
	for (size_t i = 0; field->names[i]; i++)
		buf_printf(out, "%s`%s`", i > 0 ? ", " : "", field->names[i]);
}

static void print_type(const struct config_field *field, struct buf *out)
{
	static const char *const names[CONFIG_TYPE_COUNT] = {
		[CONFIG_TYPE_BOOL] = "bool",
		[CONFIG_TYPE_U32] = "integer",
		[CONFIG_TYPE_U64] = "integer",
		[CONFIG_TYPE_I64] = "integer",
		[CONFIG_TYPE_DOUBLE] = "number",
		[CONFIG_TYPE_DURATION] = "duration",
		[CONFIG_TYPE_STRING] = "string",
		[CONFIG_TYPE_OPAQUE] = "secret",
		[CONFIG_TYPE_STRING_LIST] = "list of strings",
		[CONFIG_TYPE_HEADERS] = "headers",
		[CONFIG_TYPE_BLOCK] = "block",
		[CONFIG_TYPE_BLOCK_LIST] = "list of blocks",
		[CONFIG_TYPE_NODE] = "own syntax",
		[CONFIG_TYPE_MAP] = "map",
		[CONFIG_TYPE_LIST] = "list",
	};
	if (field->type == CONFIG_TYPE_ENUM)
		print_words(field, out);
	else if (field->type == CONFIG_TYPE_IGNORED)
		buf_printf(out, "%s, no effect", names[field->ignored]);
	else
		buf_append_str(out, names[field->type]);
}

/* A cell's text: a bar would end the cell. */
static void print_cell(const char *text, struct buf *out)
{
	for (; text && *text; text++) {
		if (*text == '|')
			buf_append_byte(out, '\\');
		buf_append_byte(out, *text == '\n' ? ' ' : (uint8_t)*text);
	}
}

static void print_default(const struct config_field *field, struct buf *out)
{
	bool off = field->type == CONFIG_TYPE_BLOCK && field->present_offset != SIZE_MAX;
	if (off)
		buf_append_str(out, "off");
	else if (field->default_text)
		buf_printf(out, "`%s`", field->default_text);
	else if (field->type == CONFIG_TYPE_BOOL)
		buf_append_str(out, "`false`");
}

static void print_rows(const struct config_block *block, const char *prefix, struct buf *out)
{
	for (size_t i = 0; i < block->field_count; i++) {
		const struct config_field *field = &block->fields[i];
		buf_printf(out, "| `%s%s` | ", prefix, field->key);
		print_type(field, out);
		buf_append_str(out, " | ");
		print_default(field, out);
		buf_append_str(out, " | ");
		print_cell(field->unit, out);
		buf_append_str(out, " | ");
		print_cell(field->doc, out);
		buf_append_str(out, " |\n");
		if (field->type != CONFIG_TYPE_BLOCK && field->type != CONFIG_TYPE_BLOCK_LIST)
			continue;
		struct buf deeper = BUF_INIT;
		buf_printf(&deeper, "%s%s%s.", prefix, field->key,
			   field->type == CONFIG_TYPE_BLOCK_LIST ? "[]" : "");
		print_rows(field->block, buf_cstr(&deeper), out);
		buf_fini(&deeper);
	}
}

void config_block_document(const struct config_block *block, struct buf *out)
{
	buf_append_str(out, "| Key | Type | Default | Unit | Meaning |\n"
			    "| --- | --- | --- | --- | --- |\n");
	print_rows(block, "", out);
}
