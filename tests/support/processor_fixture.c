/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/processor_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define ID "fixture"

static void open_log(struct processor_fixture *fixture)
{
	struct logger_config config = logger_config_default();
	fixture->log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(fixture->log_fd >= 0);
	config.fd = fixture->log_fd;
	config.sampling = false;
	fixture->logger = logger_new(&config);
	assert_non_null(fixture->logger);
}

bool processor_fixture_open(struct processor_fixture *fixture, const char *type_name,
			    const char *yaml)
{
	memset(fixture, 0, sizeof(*fixture));
	const struct component_type *type = component_find(COMPONENT_PROCESSOR, type_name);
	assert_non_null(type);
	config_support_init(&fixture->config);
	budget_init(&fixture->budget, UINT64_MAX);
	fixture->metrics = metrics_new();
	fixture->keys = key_table_new();
	fixture->ops = type->processor;
	fixture->view = view_new(&fixture->budget, fixture->keys);
	fixture->bound = calloc(1, type->config->struct_size + 1);
	open_log(fixture);
	const struct config_node *node =
		yaml ? config_support_load_text(&fixture->config, yaml) : NULL;
	config_bind(type->config, node, "processors." ID, fixture->bound, &fixture->config.report);
	if (fixture->config.report.error_count > 0)
		return false;
	const struct component_env env = {.id = ID,
					  .path = "processors." ID,
					  .log = {fixture->logger, "processor", ID},
					  .metrics = fixture->metrics,
					  .budget = &fixture->budget,
					  .keys = fixture->keys,
					  .arena = &fixture->config.arena};
	fixture->self = component_create(type, &env, fixture->bound, &fixture->config.report);
	if (!fixture->self)
		return false;
	assert_int_equal(key_table_freeze(fixture->keys, &fixture->err), 0);
	if (fixture->ops->shard_new) {
		fixture->state = fixture->ops->shard_new(fixture->self);
		assert_non_null(fixture->state);
	}
	return true;
}

void processor_fixture_close(struct processor_fixture *fixture)
{
	if (fixture->state)
		fixture->ops->shard_free(fixture->state);
	if (fixture->self && fixture->ops->destroy)
		fixture->ops->destroy(fixture->self);
	view_free(fixture->view);
	logger_free(fixture->logger);
	(void)close(fixture->log_fd);
	buf_fini(&fixture->log);
	metrics_free(fixture->metrics);
	key_table_free(fixture->keys);
	free(fixture->bound);
	config_support_fini(&fixture->config);
	assert_int_equal(budget_used(&fixture->budget), 0);
}

void processor_fixture_expect_error(const char *type, const char *yaml, const char *error)
{
	struct processor_fixture fixture;
	(void)!processor_fixture_open(&fixture, type, yaml);
	const char *errors = config_support_errors(&fixture.config);
	if (!strstr(errors, error))
		fail_msg("%s: %s", yaml, errors);
	processor_fixture_close(&fixture);
}

enum outcome processor_fixture_run(struct processor_fixture *fixture, struct slice body)
{
	assert_int_equal(view_open(fixture->view, body, &fixture->err), 0);
	enum outcome outcome =
		fixture->ops->process(fixture->self, fixture->state, fixture->view, &fixture->err);
	if (outcome == OUTCOME_TAKEN)
		tally_commit(edit_tally(fixture->view));
	else
		tally_forget(edit_tally(fixture->view));
	return outcome;
}

const char *processor_fixture_log(struct processor_fixture *fixture)
{
	char part[4096];
	ssize_t count;
	buf_reset(&fixture->log);
	for (off_t at = 0; (count = pread(fixture->log_fd, part, sizeof(part), at)) > 0;
	     at += count)
		buf_append(&fixture->log, slice_of(part, (size_t)count));
	return buf_cstr(&fixture->log);
}

double processor_fixture_metric(struct processor_fixture *fixture, const char *name,
				const char *labels)
{
	double value = 0;
	if (!metrics_value(fixture->metrics, name, labels, &value))
		fail_msg("no series %s{%s}", name, labels);
	return value;
}
