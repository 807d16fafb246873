/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice dev` as a developer sees it: what was refused, what came, what was removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/scenario_config.h"
#include "tests/support/scenario_raw.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct dev {
	FILE *output; /* of both its streams */
	pid_t pid;
	unsigned grpc_port, http_port;
	struct buf text;
};

/* Reads on until ${wanted} has come; at the end of the output the test fails. */
static void wait_for(struct dev *dev, const char *wanted)
{
	char line[1024];
	while (!strstr(buf_cstr(&dev->text), wanted)) {
		if (!fgets(line, sizeof(line), dev->output))
			fail_msg("no \"%s\" in:\n%s", wanted, buf_cstr(&dev->text));
		buf_append_str(&dev->text, line);
	}
}

static void start(struct dev *dev)
{
	char line[256];
	*dev = (struct dev){.text = BUF_INIT};
	dev->output = popen("echo $$; exec ${SLUICE_BIN:-bin/sluice} dev 2>&1", "r");
	assert_non_null(dev->output);
	assert_non_null(fgets(line, sizeof(line), dev->output));
	dev->pid = (pid_t)strtol(line, NULL, 10);
	wait_for(dev, "Ctrl-C ends it.\n");
	const char *at = strstr(buf_cstr(&dev->text), "Sluice listens for OTLP on localhost:");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "Sluice listens for OTLP on localhost:%u and localhost:%u",
				&dev->grpc_port, &dev->http_port),
			 2);
}

/* Ctrl-C, and what is printed then. Returns the exit code. */
static int stop(struct dev *dev)
{
	char line[1024];
	assert_int_equal(kill(dev->pid, SIGINT), 0);
	while (fgets(line, sizeof(line), dev->output))
		buf_append_str(&dev->text, line);
	int status = pclose(dev->output);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static unsigned count(struct dev *dev, const char *text)
{
	unsigned found = 0;
	for (const char *at = buf_cstr(&dev->text); (at = strstr(at, text)); at++)
		found++;
	return found;
}

static void post(const struct dev *dev, const char *method, const char *path, const char *headers)
{
	struct raw_answer answer = {0};
	raw_http1_post((uint16_t)dev->http_port, method, path, headers, SLICE(""), &answer);
	raw_answer_fini(&answer);
}

static void each_kind_of_refusal_is_told_once_with_what_to_do(void **state)
{
	static const struct {
		const char *method, *path, *headers, *says;
	} cases[] = {
		{"POST", "/", "Content-Type: application/x-protobuf\r\n", "/v1/traces"},
		{"GET", "/v1/traces", "", "with POST"},
		{"POST", "/v1/traces", "Content-Type: text/plain\r\n", "application/x-protobuf"},
		{"POST", "/v1/metrics", "Content-Type: application/x-protobuf\r\n",
		 "OTEL_METRICS_EXPORTER=none"},
		{"POST", "/v1/logs", "Content-Type: application/x-protobuf\r\n",
		 "OTEL_METRICS_EXPORTER=none"}, /* the same kind */
	};
	static const uint8_t hello[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01};
	struct dev dev;
	char byte;
	(void)state;
	start(&dev);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
			post(&dev, cases[i].method, cases[i].path, cases[i].headers);
			wait_for(&dev, cases[i].says);
		}
	}
	int fd = raw_connect((uint16_t)dev.grpc_port);
	assert_int_equal(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), sizeof(hello));
	while (recv(fd, &byte, 1, 0) > 0)
		;
	(void)close(fd);
	wait_for(&dev, "OTEL_EXPORTER_OTLP_INSECURE=true");
	assert_int_equal(stop(&dev), 0);
	assert_int_equal(count(&dev, "Refused: "), 5);
	buf_fini(&dev.text);
}

static void the_end_says_what_came_and_what_was_removed(void **state)
{
	static const char *const rows[] = {
		"55 spans were received, 45 kept.\n", "\nscrape_filter dropped 10 spans\n",
		"\nmetadata_only removed 31 values of the spans that were kept\n",
		"gateway.request [llm-d-router/epp]"};
	struct dev dev;
	char endpoint[32];
	const char *const args[] = {"generate", "--endpoint", endpoint, NULL};
	struct buf output = BUF_INIT;
	(void)state;
	start(&dev);
	(void)snprintf(endpoint, sizeof(endpoint), "localhost:%u", dev.grpc_port);
	assert_int_equal(daemon_run(args, &output), 0);
	buf_fini(&output);
	assert_int_equal(stop(&dev), 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(count(&dev, rows[i]), 1);
	assert_int_equal(count(&dev, "Marlowe"), 0);
	buf_fini(&dev.text);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_refusal_is_told_once_with_what_to_do),
		cmocka_unit_test(the_end_says_what_came_and_what_was_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
