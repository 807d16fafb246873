/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs of deploy/ci/ are YAML of the shape that their services read, and run the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <yaml.h>

static void load(const char *path, yaml_document_t *document)
{
	yaml_parser_t parser;
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(yaml_parser_initialize(&parser), 1);
	yaml_parser_set_input_file(&parser, file);
	if (!yaml_parser_load(&parser, document))
		fail_msg("%s:%zu: %s", path, parser.problem_mark.line + 1, parser.problem);
	yaml_parser_delete(&parser);
	assert_int_equal(fclose(file), 0);
}

/* The value of ${key} in a mapping, of ${type}; fails the test when there is none. */
static yaml_node_t *get(yaml_document_t *document, const yaml_node_t *map, const char *key,
			yaml_node_type_t type)
{
	assert_int_equal(map->type, YAML_MAPPING_NODE);
	const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	for (; pair < map->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = yaml_document_get_node(document, pair->key);
		yaml_node_t *value = yaml_document_get_node(document, pair->value);
		if (strcmp((const char *)name->data.scalar.value, key) != 0)
			continue;
		assert_int_equal(value->type, type);
		return value;
	}
	fail_msg("no %s", key);
	return NULL;
}

static const char *text(const yaml_node_t *node)
{
	assert_int_equal(node->type, YAML_SCALAR_NODE);
	return (const char *)node->data.scalar.value;
}

static yaml_node_t *last(yaml_document_t *document, const yaml_node_t *list)
{
	assert_true(list->data.sequence.items.top > list->data.sequence.items.start);
	return yaml_document_get_node(document, list->data.sequence.items.top[-1]);
}

static const char command[] = "sluice assert --expect traces.yaml -- pytest tests/e2e";

static void the_github_job_runs_it_last(void **state)
{
	(void)state;
	yaml_document_t document;
	load("deploy/ci/github-actions.yaml", &document);
	yaml_node_t *root = yaml_document_get_root_node(&document);
	(void)get(&document, root, "on", YAML_SEQUENCE_NODE);
	yaml_node_t *jobs = get(&document, root, "jobs", YAML_MAPPING_NODE);
	yaml_node_t *job = get(&document, jobs, "traces", YAML_MAPPING_NODE);
	(void)get(&document, job, "runs-on", YAML_SCALAR_NODE);
	yaml_node_t *steps = get(&document, job, "steps", YAML_SEQUENCE_NODE);
	for (yaml_node_item_t *item = steps->data.sequence.items.start;
	     item < steps->data.sequence.items.top; item++)
		assert_int_equal(yaml_document_get_node(&document, *item)->type, YAML_MAPPING_NODE);
	yaml_node_t *step = last(&document, steps);
	assert_string_equal(text(get(&document, step, "run", YAML_SCALAR_NODE)), command);
	yaml_document_delete(&document);
}

static void the_gitlab_job_runs_it_last(void **state)
{
	(void)state;
	yaml_document_t document;
	load("deploy/ci/gitlab-ci.yaml", &document);
	yaml_node_t *root = yaml_document_get_root_node(&document);
	yaml_node_t *job = get(&document, root, "traces", YAML_MAPPING_NODE);
	(void)get(&document, job, "image", YAML_SCALAR_NODE);
	(void)get(&document, job, "before_script", YAML_SEQUENCE_NODE);
	yaml_node_t *script = get(&document, job, "script", YAML_SEQUENCE_NODE);
	assert_string_equal(text(last(&document, script)), command);
	yaml_document_delete(&document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_github_job_runs_it_last),
		cmocka_unit_test(the_gitlab_job_runs_it_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
