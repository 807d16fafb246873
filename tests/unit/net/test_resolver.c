/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses, with a name server that is silent, slow, changes its mind, fails and lies. */
#include "pipeline/net/resolver.h"
#include "tests/support/name_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "pipeline/base/slice.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEADLINE_MS = 60000, POLL_MS = 5 };

/* One loop, and questions that remember how often they were answered. */
struct fixture {
	struct loop loop;
	struct name_server *server;
	uv_timer_t deadline;
	unsigned waited_ms;
};

struct question {
	struct resolver_request request;
	unsigned done_count;
	uint64_t done_ns;
};

static void on_deadline(uv_timer_t *timer)
{
	*(unsigned *)timer->data += POLL_MS;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err;
	assert_non_null(f);
	f->server = name_server_start(NULL);
	assert_int_equal(loop_init(&f->loop, &err), 0);
	(void)uv_timer_init(&f->loop.uv, &f->deadline);
	f->deadline.data = &f->waited_ms;
	*state = f;
	return 0;
}

static void close_loop(struct fixture *f)
{
	uv_close((uv_handle_t *)&f->deadline, NULL);
	loop_fini(&f->loop);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	close_loop(f);
	name_server_stop(f->server);
	free(f);
	return 0;
}

static void on_done(struct resolver_request *request)
{
	struct question *q = CONTAINER_OF(request, struct question, request);
	q->done_count++;
	q->done_ns = clock_monotonic_ns();
}

static void ask(struct fixture *f, const char *name, struct question *q)
{
	struct err err = {0};
	*q = (struct question){.request.done = on_done};
	if (resolver_ask(&f->loop, name, &q->request, &err) != 0)
		fail_msg("%s: %s", name, err.msg);
	assert_int_equal(q->done_count, 0); /* never from inside */
}

static void finish(struct fixture *f, struct question *q)
{
	uv_update_time(&f->loop.uv);
	f->waited_ms = 0;
	/* What is answered in the first half of a turn does not wake the second. */
	(void)uv_timer_start(&f->deadline, on_deadline, POLL_MS, POLL_MS);
	while (q->done_count == 0 && f->waited_ms < DEADLINE_MS)
		(void)uv_run(&f->loop.uv, UV_RUN_ONCE);
	(void)uv_timer_stop(&f->deadline);
	assert_int_equal(q->done_count, 1);
}

static const char *text_of(const union resolver_address *address)
{
	static char text[INET6_ADDRSTRLEN];
	const void *bytes = address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
							      : &address->v6.sin6_addr;
	return inet_ntop(address->any.sa_family, bytes, text, sizeof(text));
}

/* Asks, and compares the answer: addresses in any order, separated by spaces; or a part of the
 * error. */
static void expect(struct fixture *f, const char *name, const char *expected)
{
	struct question q;
	char found[512] = "";
	ask(f, name, &q);
	finish(f, &q);
	if (q.request.answer.count == 0) {
		if (!strstr(q.request.err.msg, expected))
			fail_msg("%s: \"%s\" instead of \"%s\"", name, q.request.err.msg, expected);
		return;
	}
	size_t len = 0;
	for (size_t i = 0; i < q.request.answer.count; i++) {
		const char *text = text_of(&q.request.answer.addresses[i]);
		len += (size_t)snprintf(found + len, sizeof(found) - len, "%s%s", i ? " " : "",
					text);
		if (!strstr(expected, text))
			fail_msg("%s: unexpected %s", name, text);
	}
	if (len != strlen(expected))
		fail_msg("%s: \"%s\" instead of \"%s\"", name, found, expected);
}

static void set(struct fixture *f, const char *name, struct name_record record)
{
	name_server_set(f->server, name, &record);
}

static const struct name_record silent = {.behaviour = NAME_SILENT};

#define ONE(address)                                                                               \
	(struct name_record)                                                                       \
	{                                                                                          \
		.ttl_s = 3600, .addresses = { address }                                            \
	}

/* ---- nobody is asked ------------------------------------------------------------------------ */

static void numbers_and_localhost_ask_nobody(void **state)
{
	static const struct {
		const char *host, *addresses;
	} cases[] = {
		{"127.0.0.1", "127.0.0.1"},
		{"10.1.2.3", "10.1.2.3"},
		{"::1", "::1"},
		{"2001:db8::1", "2001:db8::1"},
		{"fe80::1%lo", "fe80::1"},
		{"fe80::1%1", "fe80::1"},
		{"localhost", "127.0.0.1 ::1"},
		{"LocalHost", "127.0.0.1 ::1"},
		{"localhost.", "127.0.0.1 ::1"},
		{"otel.localhost", "127.0.0.1 ::1"},
		{"mylocalhost", "no such host"},
		{"localhost.test", "no such host"},
		{"1.2.3", "no such host"},
		{"127.0.0.1.test", "no such host"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		expect(f, cases[i].host, cases[i].addresses);
	static const char *const asked[] = {"mylocalhost", "localhost.test", "1.2.3",
					    "127.0.0.1.test"};
	static const char *const unasked[] = {"localhost", "otel.localhost", "127.0.0.1", "::1"};
	for (size_t i = 0; i < ARRAY_COUNT(asked); i++)
		assert_int_equal(name_server_questions(f->server, asked[i]), 1);
	for (size_t i = 0; i < ARRAY_COUNT(unasked); i++)
		assert_int_equal(name_server_questions(f->server, unasked[i]), 0);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void every_kind_of_answer_is_read(void **state)
{
	static const struct {
		const char *name;
		struct name_record record;
		const char *expected;
	} cases[] = {
		{"a.test", {.addresses = {"192.0.2.1"}}, "192.0.2.1"},
		{"aaaa.test", {.addresses = {"2001:db8::1"}}, "2001:db8::1"},
		{"both.test", {.addresses = {"192.0.2.1", "::1"}}, "192.0.2.1 ::1"},
		{"more.test", {.addresses = {"192.0.2.1", "192.0.2.2"}}, "192.0.2.1 192.0.2.2"},
		{"alias.test", {.cname = "real.test", .addresses = {"192.0.2.3"}}, "192.0.2.3"},
		{"nodata.test", {0}, "no such host"},
		{"nx.test", {.behaviour = NAME_NXDOMAIN}, "no such host"},
		{"fail.test", {.behaviour = NAME_SERVFAIL}, "no name server could answer"},
		{"long.test",
		 {.behaviour = NAME_TRUNCATED, .addresses = {"192.0.2.4", "2001:db8::4"}},
		 "192.0.2.4 2001:db8::4"},
		{"id.test", {.behaviour = NAME_OTHERS_ID, .addresses = {"192.0.2.5"}}, "192.0.2.5"},
		{"question.test",
		 {.behaviour = NAME_OTHERS_NAME, .addresses = {"192.0.2.6"}},
		 "192.0.2.6"},
		{"slow.test", {.ignored = 1, .addresses = {"192.0.2.7"}}, "192.0.2.7"},
		{"garbage.test", {.behaviour = NAME_GARBAGE}, "name server"},
		{"cut.test",
		 {.behaviour = NAME_LYING_LENGTH, .addresses = {"192.0.2.8"}},
		 "name server"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		set(f, cases[i].name, cases[i].record);
		expect(f, cases[i].name, cases[i].expected);
	}
}

static void more_addresses_than_fit_are_left_out(void **state)
{
	struct fixture *f = *state;
	static char texts[NAME_ADDRESSES_MAX][16];
	struct name_record record = {.behaviour = NAME_TRUNCATED}; /* all of them need TCP */
	struct question q;
	for (size_t i = 0; i < NAME_ADDRESSES_MAX; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "192.0.2.%zu", i + 1);
		record.addresses[i] = texts[i];
	}
	set(f, "many.test", record);
	ask(f, "many.test", &q);
	finish(f, &q);
	assert_int_equal(q.request.answer.count, RESOLVER_ADDRESSES_MAX);
}

static void the_hosts_file_comes_first(void **state)
{
	struct fixture *f = *state;
	struct resolver_answer answer;
	struct err err;
	char path[] = "/tmp/sluice-hosts-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	assert_non_null(file);
	(void)fputs("192.0.2.9 pod.test pod\n2001:db8::9 pod.test\n", file);
	(void)fclose(file);
	setenv("CARES_HOSTS", path, 1);
	expect(f, "pod.test", "192.0.2.9 2001:db8::9");
	expect(f, "pod", "192.0.2.9");
	uint64_t began_ns = clock_monotonic_ns();
	assert_int_equal(resolver_ask_now("pod", &answer, &err), 0);
	assert_true(clock_monotonic_ns() - began_ns < RESOLVER_NOW_MS / 2 * NS_PER_MS);
	assert_int_equal(name_server_questions(f->server, "pod.test"), 0);
	unsetenv("CARES_HOSTS");
	(void)unlink(path);
}

static void search_domains_and_ndots_are_obeyed(void **state)
{
	static const struct {
		const char *options, *name, *expected;
	} cases[] = {
		{"search ns.svc.test svc.test", "jaeger", "192.0.2.1"},
		{"search ns.svc.test svc.test", "tempo", "192.0.2.2"}, /* in the second domain */
		{"search ns.svc.test\noptions ndots:5", "jaeger.x", "192.0.2.3"},
		{"search ns.svc.test\noptions ndots:1", "jaeger.x", "192.0.2.4"},
		{"search ns.svc.test\noptions ndots:5", "jaeger.x.", "192.0.2.4"},
		/* a domain whose servers fail ends no search */
		{"search broken.test svc.test", "tempo", "192.0.2.2"},
		{"search svc.test broken.test\noptions ndots:5", "outside.x", "192.0.2.5"},
		{"search svc.test broken.test\noptions ndots:5", "nobody.x",
		 "no name server could answer"},
	};
	struct fixture *f = *state;
	set(f, "jaeger.ns.svc.test", ONE("192.0.2.1"));
	set(f, "tempo.svc.test", ONE("192.0.2.2"));
	set(f, "jaeger.x.ns.svc.test", ONE("192.0.2.3"));
	set(f, "jaeger.x", ONE("192.0.2.4"));
	set(f, "outside.x", ONE("192.0.2.5"));
	set(f, "tempo.broken.test", (struct name_record){.behaviour = NAME_SERVFAIL});
	set(f, "outside.x.broken.test", (struct name_record){.behaviour = NAME_SERVFAIL});
	set(f, "nobody.x.broken.test", (struct name_record){.behaviour = NAME_SERVFAIL});
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		name_server_rewrite(f->server, cases[i].options, false);
		struct fixture own = {.server = f->server};
		struct err err;
		assert_int_equal(loop_init(&own.loop, &err), 0);
		(void)uv_timer_init(&own.loop.uv, &own.deadline);
		own.deadline.data = &own.waited_ms;
		expect(&own, cases[i].name, cases[i].expected);
		close_loop(&own);
	}
}

/* ---- nobody waits for another --------------------------------------------------------------- */

static void silent_names_do_not_hold_up_others(void **state)
{
	struct fixture *f = *state;
	struct question silents[100];
	char name[32];
	set(f, "good.test", ONE("192.0.2.1"));
	for (size_t i = 0; i < ARRAY_COUNT(silents); i++) {
		(void)snprintf(name, sizeof(name), "silent%zu.test", i % 10);
		if (i < 10)
			set(f, name, silent);
		ask(f, name, &silents[i]);
	}
	expect(f, "good.test", "192.0.2.1");
	for (size_t i = 0; i < ARRAY_COUNT(silents); i++) {
		assert_int_equal(silents[i].done_count, 0);
		resolver_cancel(&silents[i].request);
	}
}

static void a_name_that_is_never_answered_fails_in_the_end(void **state)
{
	struct fixture *f = *state;
	set(f, "silent.test", silent);
	expect(f, "silent.test", "the name server does not answer");
	assert_int_equal(name_server_questions(f->server, "silent.test"), RESOLVER_TRIES);
}

static void the_end_waits_for_no_answer(void **state)
{
	struct fixture *f = *state;
	struct fixture own = {.server = f->server};
	struct question q;
	struct err err;
	set(f, "silent.test", silent);
	assert_int_equal(loop_init(&own.loop, &err), 0);
	(void)uv_timer_init(&own.loop.uv, &own.deadline);
	ask(&own, "silent.test", &q);
	while (name_server_questions(f->server, "silent.test") == 0)
		(void)uv_run(&own.loop.uv, UV_RUN_NOWAIT);
	resolver_cancel(&q.request);
	uint64_t began_ns = clock_monotonic_ns();
	close_loop(&own);
	assert_true(clock_monotonic_ns() - began_ns < 6 * NS_PER_S); /* a question lasts 7 s */
	assert_int_equal(q.done_count, 0);
}

static void questions_at_the_same_time_share_a_look_up(void **state)
{
	struct fixture *f = *state;
	struct question q[5];
	set(f, "good.test", (struct name_record){.addresses = {"192.0.2.1"}});
	for (size_t i = 0; i < ARRAY_COUNT(q); i++)
		ask(f, i % 2 ? "good.test" : "GOOD.test", &q[i]);
	for (size_t i = 0; i < ARRAY_COUNT(q); i++)
		finish(f, &q[i]);
	assert_int_equal(name_server_questions(f->server, "good.test"), 1);
}

/* ---- the cache ------------------------------------------------------------------------------ */

static void an_answer_is_kept_for_its_time_to_live(void **state)
{
	struct fixture *f = *state;
	set(f, "kept.test", ONE("192.0.2.1"));
	set(f, "fleeting.test", (struct name_record){.ttl_s = 0, .addresses = {"192.0.2.2"}});
	set(f, "alias.test",
	    (struct name_record){.cname = "real.test",
				 .cname_ttl_s = 0,
				 .ttl_s = 3600,
				 .addresses = {"192.0.2.3"}});
	for (int i = 0; i < 3; i++) {
		expect(f, "kept.test", "192.0.2.1");
		expect(f, "Kept.Test", "192.0.2.1");
		expect(f, "fleeting.test", "192.0.2.2");
		expect(f, "alias.test", "192.0.2.3");
	}
	assert_int_equal(name_server_questions(f->server, "kept.test"), 1);
	assert_int_equal(name_server_questions(f->server, "fleeting.test"), 3);
	assert_int_equal(name_server_questions(f->server, "alias.test"), 3);
}

static void a_name_that_changed_is_followed(void **state)
{
	struct fixture *f = *state;
	set(f, "moved.test", (struct name_record){.addresses = {"192.0.2.1"}});
	expect(f, "moved.test", "192.0.2.1");
	set(f, "moved.test", ONE("192.0.2.2"));
	expect(f, "moved.test", "192.0.2.2");
	set(f, "moved.test", ONE("192.0.2.3"));
	expect(f, "moved.test", "192.0.2.2"); /* still good */
	resolver_distrust(&f->loop, "moved.test");
	expect(f, "moved.test", "192.0.2.3");
}

static void an_old_answer_is_used_when_there_is_no_new_one(void **state)
{
	static const struct name_record failures[] = {{.behaviour = NAME_SERVFAIL},
						      {.behaviour = NAME_GARBAGE},
						      {.behaviour = NAME_SILENT}};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_COUNT(failures); i++) {
		set(f, "stale.test", (struct name_record){.addresses = {"192.0.2.1"}});
		resolver_distrust(&f->loop, "stale.test");
		expect(f, "stale.test", "192.0.2.1");
		set(f, "stale.test", failures[i]);
		uint64_t began_ns = clock_monotonic_ns();
		expect(f, "stale.test", "192.0.2.1");
		expect(f, "stale.test", "192.0.2.1"); /* at once */
		/* Long before the look-up of the silent name ends, which takes 7 s. */
		assert_true(clock_monotonic_ns() - began_ns < 6 * NS_PER_S);
	}
	set(f, "stale.test", ONE("192.0.2.2")); /* the last look-up still goes on */
	struct question q;
	do {
		ask(f, "stale.test", &q);
		finish(f, &q);
	} while (strcmp(text_of(&q.request.answer.addresses[0]), "192.0.2.2") != 0);
}

static void a_name_that_went_is_forgotten(void **state)
{
	struct fixture *f = *state;
	set(f, "gone.test", (struct name_record){.addresses = {"192.0.2.1"}});
	expect(f, "gone.test", "192.0.2.1");
	set(f, "gone.test", (struct name_record){.behaviour = NAME_NXDOMAIN});
	expect(f, "gone.test", "no such host");
	set(f, "gone.test", (struct name_record){.behaviour = NAME_SERVFAIL});
	expect(f, "gone.test", "no name server could answer");
}

static void the_cache_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct resolver_request *requests = calloc(RESOLVER_NAMES_MAX + 1, sizeof(*requests));
	struct err err = {0};
	char name[32];
	assert_non_null(requests);
	set(f, "first.test", ONE("192.0.2.1"));
	expect(f, "first.test", "192.0.2.1");
	for (int i = 0; i < RESOLVER_NAMES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%d.test", i);
		requests[i].done = on_done;
		assert_int_equal(resolver_ask(&f->loop, name, &requests[i], &err), 0);
	}
	assert_int_equal(resolver_ask(&f->loop, "more.test", &requests[RESOLVER_NAMES_MAX], &err),
			 -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	for (int i = 0; i < RESOLVER_NAMES_MAX; i++)
		resolver_cancel(&requests[i]);
	free(requests);
}

static void a_new_resolv_conf_is_taken_up(void **state)
{
	struct fixture *f = *state;
	struct question q;
	set(f, "late.test", ONE("192.0.2.1"));
	set(f, "waiting.test", silent);
	ask(f, "waiting.test", &q); /* under way while the file changes */
	assert_true(name_server_wait(f->server, "waiting.test", 0));
	name_server_rewrite(f->server, NULL, true);
	expect(f, "late.test", "no name server could answer");
	set(f, "waiting.test", ONE("192.0.2.2"));
	name_server_rewrite(f->server, NULL, false);
	expect(f, "late.test", "192.0.2.1");
	finish(f, &q);
	if (q.request.answer.count == 0) /* its dead server may have been quicker than we */
		expect(f, "waiting.test", "192.0.2.2");
}

static void the_blocking_form_does_the_same(void **state)
{
	struct fixture *f = *state;
	struct resolver_answer answer;
	struct err err;
	set(f, "good.test", ONE("192.0.2.1"));
	set(f, "silent.test", silent);
	assert_int_equal(resolver_ask_now("good.test", &answer, &err), 0);
	assert_int_equal(answer.count, 1);
	assert_string_equal(text_of(&answer.addresses[0]), "192.0.2.1");
	assert_int_equal(resolver_ask_now("localhost", &answer, &err), 0);
	assert_int_equal(answer.count, 2);
	assert_int_equal(resolver_ask_now("nx.test", &answer, &err), -1);
	assert_string_equal(err.msg, "no such host");
	uint64_t began_ns = clock_monotonic_ns();
	assert_int_equal(resolver_ask_now("silent.test", &answer, &err), -1);
	assert_true(clock_monotonic_ns() - began_ns < (RESOLVER_NOW_MS + 5000) * NS_PER_MS);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(numbers_and_localhost_ask_nobody),
		CASE(every_kind_of_answer_is_read),
		CASE(more_addresses_than_fit_are_left_out),
		CASE(the_hosts_file_comes_first),
		CASE(search_domains_and_ndots_are_obeyed),
		CASE(silent_names_do_not_hold_up_others),
		CASE(a_name_that_is_never_answered_fails_in_the_end),
		CASE(the_end_waits_for_no_answer),
		CASE(questions_at_the_same_time_share_a_look_up),
		CASE(an_answer_is_kept_for_its_time_to_live),
		CASE(a_name_that_changed_is_followed),
		CASE(an_old_answer_is_used_when_there_is_no_new_one),
		CASE(a_name_that_went_is_forgotten),
		CASE(the_cache_is_bounded),
		CASE(a_new_resolv_conf_is_taken_up),
		CASE(the_blocking_form_does_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
