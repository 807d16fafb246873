/* SPDX-License-Identifier: Apache-2.0 */
/* Lists the components from their own descriptors, as YAML like the Collector's, or as the
 * reference that docs/ is made of. */
#include "cmd/commands.h"
#include "cmd/options.h"
#include "pipeline/graph/component.h"

#include <stdio.h>

static const char *const sections[COMPONENT_KIND_COUNT] = {"receivers", "processors", "exporters",
							   "connectors", "extensions"};

/* As a quoted scalar: plain ones end at a colon. A JSON string is one in YAML, too. */
static void print_quoted(const char *text)
{
	struct buf quoted = BUF_INIT;
	buf_append_json(&quoted, slice_str(text));
	printf("\"%s\"\n", buf_cstr(&quoted));
	buf_fini(&quoted);
}

static void print_yaml(void)
{
	size_t count;
	const struct component_type *const *types = component_list(&count);
	printf("buildinfo:\n  command: sluice\n  description: Trace pipeline for LLM-serving "
	       "stacks\n  version: %s\n",
	       SLUICE_VERSION);
	for (int kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
		printf("%s:\n", sections[kind]);
		for (size_t i = 0; i < count; i++) {
			if ((int)types[i]->kind != kind)
				continue;
			printf("  - name: %s\n    summary: ", types[i]->names[0]);
			print_quoted(types[i]->summary);
			for (size_t n = 1; n < COMPONENT_NAMES_MAX && types[i]->names[n]; n++)
				printf("    alias: %s\n", types[i]->names[n]);
			printf("    stability:\n      traces: Beta\n");
		}
	}
	printf("providers:\n  - scheme: file\n  - scheme: env\n  - scheme: yaml\n");
}

static void print_markdown(void)
{
	size_t count;
	const struct component_type *const *types = component_list(&count);
	printf("# Components\n\nPrinted by `sluice components --markdown` from the tables that the "
	       "program itself reads.\n");
	for (int kind = 0; kind < COMPONENT_KIND_COUNT; kind++) {
		printf("\n## %s\n", sections[kind]);
		for (size_t i = 0; i < count; i++) {
			struct buf table = BUF_INIT;
			if ((int)types[i]->kind != kind)
				continue;
			printf("\n### %s\n\n%s", types[i]->names[0], types[i]->summary);
			if (types[i]->names[1])
				printf(" Alias: `%s`.", types[i]->names[1]);
			printf("\n\n");
			if (types[i]->config->field_count > 0)
				config_block_document(types[i]->config, &table);
			else
				buf_append_str(&table, "No settings.\n");
			fwrite(table.data, 1, table.len, stdout);
			buf_fini(&table);
		}
	}
}

int command_components(int argc, char **argv)
{
	bool markdown = false;
	const struct option_spec specs[] = {{"--markdown", 0, OPTION_FLAG, &markdown, NULL,
					     "Print the reference of all settings."}};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help("sluice components [--markdown]",
			     "Lists the components of this build.", specs, ARRAY_COUNT(specs));
		return 0;
	}
	if (markdown)
		print_markdown();
	else
		print_yaml();
	return 0;
}
