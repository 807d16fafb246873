/* SPDX-License-Identifier: Apache-2.0 */
/* The health check over a socket: states, paths, bodies of the user's, and its configuration. */
#include "pipeline/graph/component.h"
#include "tests/support/config_support.h"
#include "tests/support/net_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct config_support config;
	struct loop loop;
	struct budget budget;
	struct metrics *metrics;
	struct server_shard shard;
	struct logger *logger;
	int log_fd;
	void *bound, *self;
	uint16_t port;
	struct buf answer;
};

static const struct component_type *type(void)
{
	return component_find(COMPONENT_EXTENSION, "health_check");
}

static void bind_block(struct fixture *fixture, const char *yaml)
{
	memset(fixture, 0, sizeof(*fixture));
	config_support_init(&fixture->config);
	fixture->bound = calloc(1, type()->config->struct_size);
	config_bind(type()->config, config_support_load_text(&fixture->config, yaml),
		    "extensions.health_check", fixture->bound, &fixture->config.report);
}

static void unbind_block(struct fixture *fixture)
{
	free(fixture->bound);
	config_support_fini(&fixture->config);
}

/* The port that the start line names. */
static uint16_t logged_port(struct fixture *fixture)
{
	char text[1024] = "";
	assert_true(pread(fixture->log_fd, text, sizeof(text) - 1, 0) > 0);
	const char *at = strstr(text, "\"port\": ");
	assert_non_null(at);
	return at ? (uint16_t)strtoul(at + 8, NULL, 10) : 0;
}

static void open_health(struct fixture *fixture, const char *yaml)
{
	struct err err;
	bind_block(fixture, yaml);
	if (fixture->config.report.error_count > 0)
		fail_msg("%s", config_support_errors(&fixture->config));
	assert_int_equal(loop_init(&fixture->loop, &err), 0);
	budget_init(&fixture->budget, UINT64_MAX);
	fixture->shard = (struct server_shard){
		.loop = &fixture->loop, .coder = coder_new(), .budget = &fixture->budget};
	struct logger_config logger = logger_config_default();
	fixture->log_fd = memfd_create("log", MFD_CLOEXEC);
	logger.fd = fixture->log_fd;
	fixture->logger = logger_new(&logger);
	fixture->metrics = metrics_new();
	assert_non_null(fixture->metrics);
	const struct component_env env = {.id = "health_check",
					  .path = "extensions.health_check",
					  .log = {fixture->logger, "extension", "health_check"},
					  .metrics = fixture->metrics,
					  .budget = &fixture->budget,
					  .arena = &fixture->config.arena};
	fixture->self = type()->extension->create(&env, fixture->bound, &fixture->config.report);
	assert_non_null(fixture->self);
	const struct extension_host host = {.loop = &fixture->loop, .shard = &fixture->shard};
	if (type()->extension->start(fixture->self, &host, &err) != 0)
		fail_msg("%s", err.msg);
	fixture->port = logged_port(fixture);
}

static void close_health(struct fixture *fixture)
{
	type()->extension->stop(fixture->self);
	net_settle(&fixture->loop);
	loop_fini(&fixture->loop);
	type()->extension->destroy(fixture->self);
	metrics_free(fixture->metrics);
	coder_free(fixture->shard.coder);
	logger_free(fixture->logger);
	(void)close(fixture->log_fd);
	buf_fini(&fixture->answer);
	assert_int_equal(budget_used(&fixture->budget), 0);
	unbind_block(fixture);
}

/* The whole answer to one request on its own connection. */
static const char *ask(struct fixture *fixture, const char *method, const char *path)
{
	struct buf request = BUF_INIT;
	int fd = net_connect(fixture->port);
	buf_printf(&request, "%s %s HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n", method,
		   path);
	buf_reset(&fixture->answer);
	assert_true(net_send(&fixture->loop, fd, buf_slice(&request), 0));
	assert_true(net_receive_end(&fixture->loop, fd, &fixture->answer));
	(void)close(fd);
	buf_fini(&request);
	return buf_cstr(&fixture->answer);
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static void tells_whether_the_pipelines_run(void **state)
{
	struct fixture fixture;
	(void)state;
	open_health(&fixture, "{endpoint: '127.0.0.1:0'}");
	const char *down = "{\"status\":\"Server not available\",\"upSince\":"
			   "\"0001-01-01T00:00:00Z\",\"uptime\":\"\"}";
	const char *answer = ask(&fixture, "GET", "/");
	assert_true(has(answer, "HTTP/1.1 503 "));
	assert_true(has(answer, "application/json"));
	assert_true(has(answer, down));
	type()->extension->ready(fixture.self, true);
	answer = ask(&fixture, "GET", "/");
	assert_true(has(answer, "HTTP/1.1 200 "));
	assert_true(has(answer, "{\"status\":\"Server available\",\"upSince\":\"20"));
	assert_true(has(answer, "\",\"uptime\":\""));
	assert_true(has(answer, "s\"}"));
	type()->extension->ready(fixture.self, false);
	answer = ask(&fixture, "GET", "/");
	assert_true(has(answer, "HTTP/1.1 503 "));
	assert_true(has(answer, down));
	close_health(&fixture);
}

static void the_default_path_answers_everywhere_and_any_method(void **state)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "OPTIONS"};
	struct fixture fixture;
	(void)state;
	open_health(&fixture, "{endpoint: '127.0.0.1:0'}");
	type()->extension->ready(fixture.self, true);
	for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
		assert_true(has(ask(&fixture, methods[i], "/"), " 200 "));
		assert_true(has(ask(&fixture, methods[i], "/deeper/down?x=y"), " 200 "));
	}
	close_health(&fixture);
}

static void another_path_answers_exactly(void **state)
{
	static const struct {
		const char *path, *status;
	} cases[] = {{"/healthz", " 200 "},  {"/healthz?x=1", " 200 "}, {"/", " 404 "},
		     {"/healthz/", " 404 "}, {"/health", " 404 "},	{"/Healthz", " 404 "}};
	struct fixture fixture;
	(void)state;
	open_health(&fixture, "{endpoint: '127.0.0.1:0', path: /healthz}");
	type()->extension->ready(fixture.self, true);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_true(has(ask(&fixture, "GET", cases[i].path), cases[i].status));
	assert_true(has(ask(&fixture, "GET", "/"), "404 page not found"));
	close_health(&fixture);
}

static void bodies_and_header_fields_of_the_user_are_sent(void **state)
{
	struct fixture fixture;
	(void)state;
	open_health(&fixture, "{endpoint: '127.0.0.1:0', response_body: {healthy: fine, unhealthy: "
			      "'not yet'}, response_headers: {X-Probe: sluice}}");
	const char *answer = ask(&fixture, "GET", "/");
	assert_true(has(answer, " 503 "));
	assert_true(has(answer, "text/plain"));
	assert_true(has(answer, "\r\n\r\nnot yet"));
	type()->extension->ready(fixture.self, true);
	answer = ask(&fixture, "GET", "/");
	assert_true(has(answer, " 200 "));
	assert_true(has(answer, "\r\n\r\nfine"));
	assert_true(has(answer, ": sluice\r\n"));
	close_health(&fixture);
}

static void every_key_of_the_collector_has_its_answer(void **state)
{
	static const struct {
		const char *yaml, *error, *warning;
	} cases[] = {
		{"{}", NULL, NULL},
		{"{endpoint: '0.0.0.0:13133', path: /, check_collector_pipeline: {enabled: false, "
		 "interval: 5m, exporter_failure_threshold: 5}}",
		 NULL, NULL},
		{"{read_timeout: 1s, idle_timeout: 1s, max_request_body_size: 1, include_metadata: "
		 "true, compression_algorithms: [gzip], transport: tcp}",
		 NULL, NULL},
		{"{middlewares: [], cors: }", NULL, NULL},
		{"{auth: {authenticator: basicauth}}", "'auth' names an authenticator", NULL},
		{"{middlewares: [{id: limiter}]}", "'middlewares' are not in this build", NULL},
		{"{cors: {allowed_origins: ['*']}}", NULL, "'cors' is not in this build"},
		{"{path: healthz}", "'path' must begin with a slash", NULL},
		{"{pathh: /}", "did you mean \"path\"?", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct fixture fixture;
		bind_block(&fixture, cases[i].yaml);
		const char *errors = config_support_errors(&fixture.config);
		if (cases[i].error ? !has(errors, cases[i].error) : errors[0])
			fail_msg("%s: %s", cases[i].yaml, errors);
		const char *warnings = config_support_warnings(&fixture.config);
		if (cases[i].warning ? !has(warnings, cases[i].warning) : warnings[0])
			fail_msg("%s: %s", cases[i].yaml, warnings);
		unbind_block(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_whether_the_pipelines_run),
		cmocka_unit_test(the_default_path_answers_everywhere_and_any_method),
		cmocka_unit_test(another_path_answers_exactly),
		cmocka_unit_test(bodies_and_header_fields_of_the_user_are_sent),
		cmocka_unit_test(every_key_of_the_collector_has_its_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
