/* SPDX-License-Identifier: Apache-2.0 */
/* Every test reads the log at the other end of a pipe, as a log shipper would. */
#include "pipeline/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pipeline/base/buf.h"
#include "pipeline/base/clock.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NEVER_S = 500 };

/* 2026-01-02T03:04:05.678Z */
static uint64_t fixed_wall_ns(void)
{
	return UINT64_C(1767323045) * NS_PER_S + 678 * NS_PER_MS + 999999;
}

static uint64_t monotonic_now;

static uint64_t test_monotonic_ns(void)
{
	return monotonic_now;
}

struct capture {
	int fds[2];
	struct logger *logger;
	struct log service, receiver, extension;
	struct buf text;
};

static struct logger_config test_config(enum log_encoding encoding)
{
	struct logger_config config = logger_config_default();
	config.encoding = encoding;
	config.level = LOG_LEVEL_DEBUG;
	config.wall_ns = fixed_wall_ns;
	config.monotonic_ns = test_monotonic_ns;
	return config;
}

static void capture_start(struct capture *capture, struct logger_config config)
{
	assert_int_equal(pipe2(capture->fds, O_CLOEXEC), 0);
	/* The tests write all before they read. */
	assert_true(fcntl(capture->fds[1], F_SETPIPE_SZ, 1 << 20) > 0);
	config.fd = capture->fds[1];
	capture->logger = logger_new(&config);
	assert_non_null(capture->logger);
	capture->service = (struct log){.logger = capture->logger};
	capture->receiver = (struct log){capture->logger, "receiver", "otlp/in"};
	capture->extension = (struct log){capture->logger, "extension", "health_check"};
	capture->text = BUF_INIT;
}

/* Ends the logger, which may still write, and returns all that was written. */
static const char *capture_end(struct capture *capture)
{
	logger_free(capture->logger);
	(void)close(capture->fds[1]);
	char block[4096];
	ssize_t got;
	while ((got = read(capture->fds[0], block, sizeof(block))) > 0)
		buf_append(&capture->text, slice_of(block, (size_t)got));
	(void)close(capture->fds[0]);
	return buf_cstr(&capture->text);
}

static size_t count_lines(const char *text, const char *with)
{
	size_t count = 0;
	for (const char *at = text; (at = strstr(at, with)); at += strlen(with))
		count++;
	return count;
}

/* log_write with a fixed place, so that lines can be compared whole. */
#define SAY(log, level, ...)                                                                       \
	log_write((log), (level), "receivers/otlp/grpc.c:12",                                      \
		  (const struct log_field[]){__VA_ARGS__},                                         \
		  ARRAY_COUNT(((const struct log_field[]){__VA_ARGS__})))

static void console_lines_are_tabbed_with_fields_as_json(void **state)
{
	(void)state;
	struct capture capture;
	capture_start(&capture, test_config(LOG_CONSOLE));
	SAY(&capture.service, LOG_LEVEL_INFO,
	    LOG_MSG("Everything is ready. Begin running and processing data."));
	SAY(&capture.receiver, LOG_LEVEL_WARN, LOG_MSG("Starting GRPC server"),
	    LOG_STR("endpoint", "localhost:4317"), LOG_BOOL("tls", false));
	SAY(&capture.extension, LOG_LEVEL_ERROR, LOG_MSG("x"));
	SAY(&capture.service, LOG_LEVEL_DEBUG, LOG_MSG("y"), LOG_UINT("n", UINT64_MAX));
	assert_string_equal(
		capture_end(&capture),
		"2026-01-02T03:04:05.678Z\tinfo\totlp/grpc.c:12\t"
		"Everything is ready. Begin running and processing data.\n"
		"2026-01-02T03:04:05.678Z\twarn\totlp/grpc.c:12\tStarting GRPC server\t"
		"{\"otelcol.component.id\": \"otlp/in\", \"otelcol.component.kind\": \"receiver\", "
		"\"otelcol.signal\": \"traces\", \"endpoint\": \"localhost:4317\", \"tls\": "
		"false}\n"
		"2026-01-02T03:04:05.678Z\terror\totlp/grpc.c:12\tx\t"
		"{\"otelcol.component.id\": \"health_check\", "
		"\"otelcol.component.kind\": \"extension\"}\n"
		"2026-01-02T03:04:05.678Z\tdebug\totlp/grpc.c:12\ty\t"
		"{\"n\": 18446744073709551615}\n");
	buf_fini(&capture.text);
}

static void json_lines_have_the_collectors_keys_in_order(void **state)
{
	(void)state;
	const struct log_field resource[] = {LOG_STR("service.name", "sluice"),
					     LOG_STR("service.version", "0.1")};
	const struct log_field initial[] = {LOG_STR("cluster", "a")};
	struct logger_config config = test_config(LOG_JSON);
	config.resource = resource;
	config.resource_count = ARRAY_COUNT(resource);
	config.initial = initial;
	config.initial_count = ARRAY_COUNT(initial);
	struct capture capture;
	capture_start(&capture, config);
	const struct err err = {.msg = "connection refused"};
	SAY(&capture.receiver, LOG_LEVEL_INFO, LOG_MSG("Starting HTTP server"), LOG_ERR(&err));
	SAY(&capture.service, LOG_LEVEL_WARN, LOG_MSG("z"));
	assert_string_equal(
		capture_end(&capture),
		"{\"level\":\"info\",\"ts\":\"2026-01-02T03:04:05.678Z\","
		"\"caller\":\"otlp/grpc.c:12\",\"msg\":\"Starting HTTP server\","
		"\"resource\":{\"service.name\":\"sluice\",\"service.version\":\"0.1\"},"
		"\"cluster\":\"a\",\"otelcol.component.id\":\"otlp/in\","
		"\"otelcol.component.kind\":\"receiver\",\"otelcol.signal\":\"traces\","
		"\"error\":\"connection refused\"}\n"
		"{\"level\":\"warn\",\"ts\":\"2026-01-02T03:04:05.678Z\","
		"\"caller\":\"otlp/grpc.c:12\",\"msg\":\"z\","
		"\"resource\":{\"service.name\":\"sluice\",\"service.version\":\"0.1\"},"
		"\"cluster\":\"a\"}\n");
	buf_fini(&capture.text);
}

static void initial_fields_alone_open_the_console_object(void **state)
{
	(void)state;
	const struct log_field initial[] = {LOG_INT("a", -1), LOG_INT("b", 2)};
	struct logger_config config = test_config(LOG_CONSOLE);
	config.disable_caller = true;
	config.initial = initial;
	config.initial_count = ARRAY_COUNT(initial);
	struct capture capture;
	capture_start(&capture, config);
	SAY(&capture.service, LOG_LEVEL_INFO, LOG_MSG("m"), LOG_INT("c", 3));
	assert_string_equal(capture_end(&capture), "2026-01-02T03:04:05.678Z\tinfo\tm\t"
						   "{\"a\": -1, \"b\": 2, \"c\": 3}\n");
	buf_fini(&capture.text);
}

/* Whatever a configuration holds, a JSON line stays one line of valid JSON and reads back. */
static void every_json_line_parses_and_keeps_its_values(void **state)
{
	(void)state;
	struct capture capture;
	capture_start(&capture, test_config(LOG_JSON));
	SAY(&capture.receiver, LOG_LEVEL_INFO, LOG_MSG("all types"),
	    LOG_SLICE("text", SLICE("a\"b\\c\nd\te\0f\x1b\xc3\xa4")),
	    LOG_SLICE("bad utf8", SLICE("\xff\xc3")), LOG_STR("null", NULL),
	    LOG_INT("int", INT64_MIN), LOG_DOUBLE("third", 1.0 / 3), LOG_DOUBLE("nan", NAN),
	    LOG_DOUBLE("inf", -INFINITY), LOG_BOOL("yes", true));
	const char *text = capture_end(&capture);
	assert_int_equal(count_lines(text, "\n"), 1);
	json_error_t error;
	json_t *line = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!line)
		fail_msg("%s in %s", error.text, text);
	json_t *value = json_object_get(line, "text");
	assert_int_equal(json_string_length(value), 14);
	assert_memory_equal(json_string_value(value), "a\"b\\c\nd\te\0f\x1b\xc3\xa4", 14);
	assert_string_equal(json_string_value(json_object_get(line, "bad utf8")),
			    "\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(json_string_value(json_object_get(line, "null")), "");
	assert_true(json_integer_value(json_object_get(line, "int")) == INT64_MIN);
	assert_true(json_real_value(json_object_get(line, "third")) == 1.0 / 3);
	assert_string_equal(json_string_value(json_object_get(line, "nan")), "NaN");
	assert_string_equal(json_string_value(json_object_get(line, "inf")), "-Inf");
	assert_true(json_is_true(json_object_get(line, "yes")));
	json_decref(line);
	buf_fini(&capture.text);
}

static void a_long_value_is_cut_and_stays_valid_json(void **state)
{
	(void)state;
	enum { LEN = 100000 };
	uint8_t *bytes = malloc(LEN);
	assert_non_null(bytes);
	for (size_t i = 0; i < LEN; i += 2)
		memcpy(bytes + i, "\xc3\xa4", 2);
	struct capture capture;
	capture_start(&capture, test_config(LOG_JSON));
	/* One byte off, so that the cut falls into a character. */
	SAY(&capture.service, LOG_LEVEL_INFO, LOG_MSG("long"),
	    LOG_SLICE("value", slice_of(bytes + 1, LEN - 1)));
	const char *text = capture_end(&capture);
	assert_true(strlen(text) < 20000);
	json_t *line = json_loads(text, 0, NULL);
	assert_non_null(line);
	const char *value = json_string_value(json_object_get(line, "value"));
	assert_true(slice_has_suffix(slice_str(value), SLICE("...")));
	json_decref(line);
	buf_fini(&capture.text);
	free(bytes);
}

static void the_macros_name_the_place_of_the_call(void **state)
{
	(void)state;
	struct capture capture;
	capture_start(&capture, test_config(LOG_CONSOLE));
	log_debug(&capture.service, LOG_MSG("a"));
	log_info(&capture.service, LOG_MSG("b"));
	log_warn(&capture.service, LOG_MSG("c"));
	log_error(&capture.service, LOG_MSG("d"));
	const char *text = capture_end(&capture);
	assert_int_equal(count_lines(text, "\tbase/test_log.c:"), 4);
	assert_non_null(strstr(text, "\tdebug\t"));
	assert_non_null(strstr(text, "\terror\t"));
	buf_fini(&capture.text);
}

static void lines_below_the_level_and_without_a_log_are_not_written(void **state)
{
	(void)state;
	struct logger_config config = test_config(LOG_CONSOLE);
	config.level = LOG_LEVEL_WARN;
	struct capture capture;
	capture_start(&capture, config);
	assert_false(log_enabled(&capture.service, LOG_LEVEL_INFO));
	assert_true(log_enabled(&capture.service, LOG_LEVEL_WARN));
	assert_false(log_enabled(NULL, LOG_LEVEL_ERROR));
	assert_false(log_enabled(&(struct log){0}, LOG_LEVEL_ERROR));
	log_info(&capture.service, LOG_MSG("no"));
	log_error((const struct log *)NULL, LOG_MSG("no"));
	log_error(&(struct log){0}, LOG_MSG("no"));
	assert_string_equal(capture_end(&capture), "");
	buf_fini(&capture.text);
	logger_free(NULL);
}

static void equal_messages_are_sampled_per_interval(void **state)
{
	(void)state;
	monotonic_now = 1000;
	struct capture capture;
	capture_start(&capture, test_config(LOG_CONSOLE));
	/* 10, then the 100th and 200th after them: 12 written, 238 left out. */
	for (int i = 0; i < 250; i++)
		SAY(&capture.service, LOG_LEVEL_INFO, LOG_MSG("again"), LOG_INT("i", i));
	/* Another level and another text are counted apart. */
	for (int i = 0; i < 10; i++) {
		SAY(&capture.service, LOG_LEVEL_WARN, LOG_MSG("again"));
		SAY(&capture.service, LOG_LEVEL_INFO, LOG_MSG("other"));
	}
	monotonic_now += 10 * NS_PER_S;
	SAY(&capture.service, LOG_LEVEL_INFO, LOG_MSG("again"));
	const char *text = capture_end(&capture);
	assert_int_equal(count_lines(text, "info\totlp/grpc.c:12\tagain"), 13);
	assert_non_null(strstr(text, "{\"i\": 109}"));
	assert_non_null(strstr(text, "{\"i\": 209}"));
	assert_int_equal(count_lines(text, "warn\totlp/grpc.c:12\tagain"), 10);
	assert_int_equal(count_lines(text, "\tother"), 10);
	assert_int_equal(count_lines(text, "Equal log lines were left out"), 1);
	assert_non_null(strstr(text, "{\"message\": \"again\", \"left_out\": 238}"));
	buf_fini(&capture.text);
}

/* Reports of the same text by several components, and of several lines each. */
static void reports_are_never_sampled(void **state)
{
	(void)state;
	struct logger_config config = test_config(LOG_CONSOLE);
	config.sampling_initial = 1;
	config.sampling_thereafter = 0;
	struct capture capture;
	capture_start(&capture, config);
	for (int i = 0; i < 100; i++) {
		SAY(&capture.service, LOG_LEVEL_INFO, LOG_REPORT("removed"), LOG_INT("rule", i));
		SAY(&capture.receiver, LOG_LEVEL_INFO, LOG_REPORT("removed"), LOG_INT("rule", i));
	}
	const char *text = capture_end(&capture);
	assert_int_equal(count_lines(text, "\tremoved"), 200);
	assert_null(strstr(text, "left out"));
	buf_fini(&capture.text);
}

static void the_end_of_the_log_says_what_was_left_out(void **state)
{
	(void)state;
	struct logger_config config = test_config(LOG_JSON);
	config.sampling_initial = 2;
	config.sampling_thereafter = 0;
	struct capture capture;
	capture_start(&capture, config);
	for (int i = 0; i < 7; i++)
		SAY(&capture.receiver, LOG_LEVEL_ERROR, LOG_MSG("refused"));
	const char *text = capture_end(&capture);
	assert_int_equal(count_lines(text, "\"msg\":\"refused\""), 2);
	assert_non_null(strstr(text, "\"level\":\"error\""));
	assert_non_null(strstr(text, "\"message\":\"refused\",\"left_out\":5}"));
	buf_fini(&capture.text);
}

static void nothing_is_left_out_without_sampling(void **state)
{
	(void)state;
	struct logger_config config = test_config(LOG_CONSOLE);
	config.sampling = false;
	struct capture capture;
	capture_start(&capture, config);
	for (int i = 0; i < 500; i++)
		SAY(&capture.service, LOG_LEVEL_INFO, LOG_MSG("again"));
	assert_int_equal(count_lines(capture_end(&capture), "again\n"), 500);
	buf_fini(&capture.text);
}

enum { THREADS = 4, ROUNDS = 200 };

static void *say_much(void *arg)
{
	static const char filler[] = "0123456789012345678901234567890123456789012345678901234567";
	for (int i = 0; i < ROUNDS; i++)
		log_info((const struct log *)arg, LOG_MSG("from a thread"),
			 LOG_STR("filler", filler), LOG_INT("i", i));
	return NULL;
}

static void lines_of_threads_never_mix(void **state)
{
	(void)state;
	struct logger_config config = test_config(LOG_JSON);
	config.sampling = false;
	struct capture capture;
	capture_start(&capture, config);
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, say_much, &capture.receiver), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	const char *text = capture_end(&capture);
	size_t lines = 0;
	while (*text) {
		size_t len = strcspn(text, "\n");
		json_t *line = json_loadb(text, len, 0, NULL);
		assert_non_null(line);
		json_decref(line);
		text += len + 1;
		lines++;
	}
	assert_int_equal(lines, THREADS * ROUNDS);
	buf_fini(&capture.text);
}

static void a_closed_reader_does_not_stop_the_program(void **state)
{
	(void)state;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	assert_int_equal(sigaction(SIGPIPE, &ignore, &before), 0);
	struct capture capture;
	capture_start(&capture, test_config(LOG_CONSOLE));
	int reader = capture.fds[0];
	assert_int_equal(close(reader), 0);
	log_error(&capture.service, LOG_MSG("nobody reads this"));
	logger_free(capture.logger);
	assert_int_equal(close(capture.fds[1]), 0);
	assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
}

/* Puts ${lines} lines of ${len} bytes or more into a log that nobody reads, then reads: what was
 * said is there or counted, and nothing waited for the reader. */
static void say_to_nobody(int reader, int writer, size_t lines, size_t len)
{
	static char text[8000];
	memset(text, 'x', sizeof(text));
	struct logger_config config = test_config(LOG_JSON);
	config.sampling = false;
	config.fd = writer;
	struct logger *logger = logger_new(&config);
	struct log log = {.logger = logger};
	assert_non_null(logger);
	for (size_t i = 0; i < lines; i++)
		log_info(&log, LOG_MSG("unread"), LOG_SLICE("text", slice_of(text, len)));
	uint64_t lost = logger_lost_lines(logger);
	assert_true(lost > 0 && lost < lines);
	struct buf text_read = BUF_INIT;
	char block[4096];
	ssize_t got;
	assert_int_equal(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
	while ((got = read(reader, block, sizeof(block))) > 0)
		buf_append(&text_read, slice_of(block, (size_t)got));
	log_info(&log, LOG_MSG("read again"));
	logger_free(logger);
	while ((got = read(reader, block, sizeof(block))) > 0)
		buf_append(&text_read, slice_of(block, (size_t)got));
	char told[64];
	(void)snprintf(told, sizeof(told), "nobody read them\",\"lost\":%u}", (unsigned)lost);
	assert_non_null(strstr(buf_cstr(&text_read), told));
	assert_non_null(strstr(buf_cstr(&text_read), "read again"));
	/* Whole lines parse; at most one was cut, and it ends where it was cut. */
	size_t whole = 0, cut = 0;
	for (const char *at = buf_cstr(&text_read); *at; at += strcspn(at, "\n") + 1) {
		json_t *line = json_loadb(at, strcspn(at, "\n"), 0, NULL);
		whole += line != NULL;
		cut += line == NULL;
		json_decref(line);
	}
	assert_true(cut <= 1);
	assert_int_equal(whole, lines - lost + 2);
	buf_fini(&text_read);
}

static void a_reader_that_has_stopped_loses_lines_and_stops_nobody(void **state)
{
	(void)state;
	static const size_t lengths[] = {10, 5000, 8000};
	(void)alarm(NEVER_S); /* a log that waits for ever fails here */
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		int pipes[2], sockets[2];
		assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
		say_to_nobody(pipes[0], pipes[1], 5000, lengths[i]);
		say_to_nobody(sockets[0], sockets[1], 5000, lengths[i]);
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(close(pipes[k]), 0);
			assert_int_equal(close(sockets[k]), 0);
		}
	}
	(void)alarm(0);
}

static void *read_to_the_end(void *fd)
{
	char block[4096];
	while (read(*(int *)fd, block, sizeof(block)) > 0)
		;
	return NULL;
}

static void lines_wait_for_a_slow_reader_when_their_patience_is_renewed(void **state)
{
	(void)state;
	int pipes[2];
	pthread_t reader;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	struct logger_config config = test_config(LOG_JSON);
	config.sampling = false;
	config.fd = pipes[1];
	struct logger *logger = logger_new(&config);
	struct log log = {.logger = logger};
	assert_non_null(logger);
	while (logger_lost_lines(logger) == 0)
		log_info(&log, LOG_MSG("unread"));
	log_info(&log, LOG_MSG("lost too: the patience is used up"));
	assert_int_equal(logger_lost_lines(logger), 2);
	logger_renew_patience(logger);
	assert_int_equal(pthread_create(&reader, NULL, read_to_the_end, &pipes[0]), 0);
	log_info(&log, LOG_MSG("waits until the reader has begun"));
	assert_int_equal(logger_lost_lines(logger), 2);
	logger_free(logger);
	assert_int_equal(close(pipes[1]), 0);
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_equal(close(pipes[0]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(console_lines_are_tabbed_with_fields_as_json),
		cmocka_unit_test(json_lines_have_the_collectors_keys_in_order),
		cmocka_unit_test(initial_fields_alone_open_the_console_object),
		cmocka_unit_test(every_json_line_parses_and_keeps_its_values),
		cmocka_unit_test(a_long_value_is_cut_and_stays_valid_json),
		cmocka_unit_test(the_macros_name_the_place_of_the_call),
		cmocka_unit_test(lines_below_the_level_and_without_a_log_are_not_written),
		cmocka_unit_test(equal_messages_are_sampled_per_interval),
		cmocka_unit_test(reports_are_never_sampled),
		cmocka_unit_test(the_end_of_the_log_says_what_was_left_out),
		cmocka_unit_test(nothing_is_left_out_without_sampling),
		cmocka_unit_test(lines_of_threads_never_mix),
		cmocka_unit_test(a_closed_reader_does_not_stop_the_program),
		cmocka_unit_test(a_reader_that_has_stopped_loses_lines_and_stops_nobody),
		cmocka_unit_test(lines_wait_for_a_slow_reader_when_their_patience_is_renewed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
