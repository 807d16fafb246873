/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of docs/migration.md are those by which the program reads a Collector's configuration:
 * its own components with the names under which it takes them, and the Collector's others with what
 * `validate` says of each (`make docs` prints them anew).
 */
#include "pipeline/graph/collector_types.h"
#include "pipeline/graph/component.h"
#include "tests/support/generated_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const kinds[COMPONENT_KIND_COUNT] = {
	[COMPONENT_RECEIVER] = "receiver",   [COMPONENT_PROCESSOR] = "processor",
	[COMPONENT_EXPORTER] = "exporter",   [COMPONENT_CONNECTOR] = "connector",
	[COMPONENT_EXTENSION] = "extension",
};

static const char *const sections[SECTION_COUNT] = {
	[SECTION_RECEIVERS] = "receiver",   [SECTION_PROCESSORS] = "processor",
	[SECTION_EXPORTERS] = "exporter",   [SECTION_EXTENSIONS] = "extension",
	[SECTION_CONNECTORS] = "connector",
};

static void append_present(struct buf *rows)
{
	size_t count;
	const struct component_type *const *types = component_list(&count);
	buf_append_str(rows, "| kind | type | what it does |\n| --- | --- | --- |\n");
	for (int kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
		for (size_t i = 0; i < count; i++) {
			if ((int)types[i]->kind != kind)
				continue;
			buf_printf(rows, "| %s | ", kinds[kind]);
			for (size_t n = 0; n < COMPONENT_NAMES_MAX && types[i]->names[n]; n++)
				buf_printf(rows, "%s`%s`", n ? ", " : "", types[i]->names[n]);
			buf_append_str(rows, " | ");
			generated_page_cell(rows, types[i]->summary);
			buf_append_str(rows, " |\n");
		}
	}
}

static void append_names(struct buf *rows, const char *names)
{
	const char *comma = "";
	while (*names) {
		size_t len = strcspn(names, " ");
		buf_printf(rows, "%s`%.*s`", comma, (int)len, names);
		names += len;
		names += strspn(names, " ");
		comma = ", ";
	}
}

static const char *what_happens(const struct config_foreign_type *type)
{
	if (type->inert)
		return "left out, with a line";
	return type->removed ? "refused; the Collector removed it, too" : "refused";
}

/* A former name that this build still takes. */
static bool is_taken(const struct collector_types *row)
{
	size_t count;
	const struct component_type *const *types = component_list(&count);
	for (size_t i = 0; i < count; i++) {
		for (size_t n = 0; n < COMPONENT_NAMES_MAX && types[i]->names[n]; n++) {
			if (strcmp(kinds[types[i]->kind], sections[row->section]) == 0 &&
			    strcmp(types[i]->names[n], row->names) == 0)
				return true;
		}
	}
	return false;
}

static void append_missing(struct buf *rows)
{
	size_t count;
	const struct collector_types *types = collector_types_list(&count);
	buf_append_str(rows, "| kind | types | here | what to do |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < count; i++) {
		if (is_taken(&types[i]))
			continue;
		buf_printf(rows, "| %s | ", sections[types[i].section]);
		append_names(rows, types[i].names);
		buf_printf(rows, " | %s | ", what_happens(&types[i].type));
		generated_page_cell(rows, types[i].type.advice);
		buf_append_str(rows, " |\n");
	}
}

static void the_tables_are_those_of_the_program(void **state)
{
	static const struct page_part parts[] = {
		{"<!-- present -->\n", append_present},
		{"<!-- missing -->\n", append_missing},
	};
	(void)state;
	generated_page_check("docs/migration.md", parts, ARRAY_COUNT(parts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tables_are_those_of_the_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
