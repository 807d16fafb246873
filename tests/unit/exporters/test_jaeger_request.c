/* SPDX-License-Identifier: Apache-2.0 */
/* Which process a span has in a PostSpansRequest, what is too much for one, and random requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporters/jaeger/mapping.h"
#include "tests/support/jaeger_codec.h"
#include "tests/support/trace_random.h"
#include "tests/support/trace_wire.h"

#include <stdlib.h>

#define TOO_LONG "longer as Jaeger's spans than max_request_bytes"
#define TOO_MANY "too many attributes for one request to Jaeger"

enum { BYTES_MAX = 64 * 1024, RANDOM_REQUESTS = 2000 };

static Jaeger__PostSpansRequest *map(struct jaeger_codec *codec, const struct buf *body,
				     size_t *ret_bytes)
{
	struct err err = {0};
	Jaeger__PostSpansRequest *post = jaeger_codec_map(codec, buf_slice(body), ret_bytes, &err);
	if (!post)
		fail_msg("%s", err.msg);
	const char *difference = jaeger_codec_difference(codec, buf_slice(body), post);
	if (difference)
		fail_msg("%s", difference);
	return post;
}

/* ${spans} spans of a resource with ${service} (NULL: none) and ${padding} bytes beside. */
static void append_resource(struct buf *out, const char *service, uint32_t spans, size_t padding)
{
	size_t resource_spans = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(out, RESOURCE_SPANS_RESOURCE);
	if (service)
		tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.name", service);
	char *text = calloc(padding + 1, 1);
	assert_non_null(text);
	memset(text, 'p', padding);
	if (padding > 0)
		tw_attr_text(out, RESOURCE_ATTRIBUTES, "pad", text);
	free(text);
	tw_close(out, resource);
	size_t scope_spans = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	for (uint32_t i = 0; i < spans; i++)
		tw_text(out, SCOPE_SPANS_SPANS, "");
	tw_close(out, scope_spans);
	tw_close(out, resource_spans);
}

static void assert_service(const Jaeger__Process *process, const char *name)
{
	assert_non_null(process);
	struct slice service = slice_of(process->service_name.data, process->service_name.len);
	if (!slice_equal(service, slice_str(name)))
		fail_msg("%.*s instead of %s", SLICE_FMT(service), name);
}

/* ---- the service's name --------------------------------------------------------------------- */

static void write_nothing(struct buf *out)
{
	(void)out;
}

static void write_name(struct buf *out)
{
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.name", "vllm");
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "host.name", "h");
}

static void write_no_name(struct buf *out)
{
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "host.name", "h");
}

static void write_empty_name(struct buf *out)
{
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.name", "");
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "host.name", "h");
}

static void write_number(struct buf *out)
{
	tw_attr_int(out, RESOURCE_ATTRIBUTES, "service.name", 42);
}

static void write_two_names(struct buf *out)
{
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.name", "first");
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.name", "second");
	tw_varint(out, RESOURCE_DROPPED_ATTRIBUTES_COUNT, 9);
}

static void the_name_of_the_service_is_no_tag(void **state)
{
	struct jaeger_codec *codec = *state;
	static const struct {
		void (*write)(struct buf *out);
		const char *printed;
	} cases[] = {
		{write_nothing, "process OTLPResourceNoServiceName\n"},
		{write_name, "process vllm\nprocess tag host.name STRING h\n"},
		/* receivers look at no tag of a process with that name */
		{write_no_name, "process \nprocess tag host.name STRING h\n"},
		{write_empty_name, "process \nprocess tag host.name STRING h\n"},
		{write_number, "process 42\n"},
		{write_two_names, "process first\n"
				  "process tag otel.dropped_attributes_count INT64 9\n"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf body = BUF_INIT, printed = BUF_INIT;
		size_t resource_spans = tw_open(&body, EXPORT_REQUEST_RESOURCE_SPANS);
		size_t resource = tw_open(&body, RESOURCE_SPANS_RESOURCE);
		cases[i].write(&body);
		tw_close(&body, resource);
		size_t scope_spans = tw_open(&body, RESOURCE_SPANS_SCOPE_SPANS);
		tw_text(&body, SCOPE_SPANS_SPANS, "");
		tw_close(&body, scope_spans);
		tw_close(&body, resource_spans);
		Jaeger__PostSpansRequest *post = map(codec, &body, NULL);
		jaeger_print_process(&printed, post->batch->process);
		assert_string_equal(buf_cstr(&printed), cases[i].printed);
		jaeger__post_spans_request__free_unpacked(post, NULL);
		buf_fini(&body);
		buf_fini(&printed);
	}
}

/* ---- several resources ---------------------------------------------------------------------- */

static void spans_of_other_resources_carry_their_own_process(void **state)
{
	struct jaeger_codec *codec = *state;
	struct buf body = BUF_INIT;
	append_resource(&body, "a", 1, 0);
	append_resource(&body, "b", 3, 0);
	append_resource(&body, NULL, 1, 0);
	append_resource(&body, "empty", 0, 0);
	Jaeger__PostSpansRequest *post = map(codec, &body, NULL);
	assert_service(post->batch->process, "b");
	assert_service(post->batch->spans[0]->process, "a");
	for (size_t i = 1; i < 4; i++)
		assert_null(post->batch->spans[i]->process);
	assert_service(post->batch->spans[4]->process, JAEGER_NO_SERVICE_NAME);
	jaeger__post_spans_request__free_unpacked(post, NULL);
	buf_fini(&body);
}

static void equal_resources_are_one_process(void **state)
{
	struct jaeger_codec *codec = *state;
	struct buf body = BUF_INIT;
	for (int i = 0; i < 100; i++) {
		append_resource(&body, "a", 1, 100);
		append_resource(&body, "b", i == 0, 100);
	}
	Jaeger__PostSpansRequest *post = map(codec, &body, NULL);
	assert_int_equal(post->batch->n_spans, 101);
	assert_service(post->batch->process, "a");
	for (size_t i = 0; i < 101; i++) {
		if (i == 1)
			assert_service(post->batch->spans[i]->process, "b");
		else
			assert_null(post->batch->spans[i]->process);
	}
	jaeger__post_spans_request__free_unpacked(post, NULL);
	buf_fini(&body);
}

static void a_request_without_spans_has_none(void **state)
{
	struct jaeger_codec *codec = *state;
	struct buf body = BUF_INIT;
	append_resource(&body, "a", 0, 0);
	Jaeger__PostSpansRequest *post = map(codec, &body, NULL);
	assert_int_equal(post->batch->n_spans, 0);
	jaeger__post_spans_request__free_unpacked(post, NULL);
	buf_fini(&body);
}

/* ---- bounds --------------------------------------------------------------------------------- */

static void assert_too_much(struct jaeger_codec *codec, const struct buf *body, const char *why)
{
	struct err err = {0};
	assert_null(jaeger_codec_map(codec, buf_slice(body), NULL, &err));
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_string_equal(err.msg, why);
}

static void several_spans_over_the_bound_are_to_be_split(void **state)
{
	struct jaeger_codec *codec = *state;
	struct buf body = BUF_INIT;
	append_resource(&body, "a", 2, BYTES_MAX);
	assert_too_much(codec, &body, TOO_LONG);
	buf_fini(&body);
}

static void one_span_over_the_bound_is_sent(void **state)
{
	struct jaeger_codec *codec = *state;
	struct buf body = BUF_INIT;
	size_t bytes;
	append_resource(&body, "a", 1, BYTES_MAX);
	jaeger__post_spans_request__free_unpacked(map(codec, &body, &bytes), NULL);
	assert_true(bytes > BYTES_MAX);
	buf_fini(&body);
}

/* 2 MiB in, 15 GiB out if it were written: refused before a span is mapped. */
static void large_resources_of_many_spans_cost_nothing(void **state)
{
	struct jaeger_codec *codec = *state;
	struct buf body = BUF_INIT;
	append_resource(&body, "a", 15000, 1 << 20);
	append_resource(&body, "b", 15000, 1 << 20);
	assert_too_much(codec, &body, TOO_LONG);
	assert_true(atomic_load(&codec->budget.peak) < 16 << 20);
	buf_fini(&body);
}

/* Each attribute of eight bytes would be a message of a hundred. */
static void messages_for_one_request_are_bounded(void **state)
{
	struct jaeger_codec *codec = *state;
	struct buf body = BUF_INIT;
	size_t resource_spans = tw_open(&body, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t scope_spans = tw_open(&body, RESOURCE_SPANS_SCOPE_SPANS);
	for (int i = 0; i < 2; i++) {
		size_t span = tw_open(&body, SCOPE_SPANS_SPANS);
		for (int k = 0; k < 400000; k++)
			tw_attr_text(&body, SPAN_ATTRIBUTES, "", "x");
		tw_close(&body, span);
	}
	tw_close(&body, scope_spans);
	tw_close(&body, resource_spans);
	assert_too_much(codec, &body, TOO_MANY);
	assert_true(atomic_load(&codec->budget.peak) < JAEGER_MESSAGE_BYTES_MAX);
	buf_fini(&body);
}

static void memory_that_is_short_is_no_reason_to_split(void **state)
{
	struct jaeger_codec *codec = *state;
	struct buf body = BUF_INIT;
	struct err err = {0};
	append_resource(&body, "a", 200, 0);
	jaeger__post_spans_request__free_unpacked(map(codec, &body, NULL), NULL);
	uint64_t enough = atomic_load(&codec->budget.peak);
	for (uint64_t limit = 0; limit < enough; limit += 1024) {
		atomic_store(&codec->budget.limit, limit);
		Jaeger__PostSpansRequest *post =
			jaeger_codec_map(codec, buf_slice(&body), NULL, &err);
		if (post)
			jaeger__post_spans_request__free_unpacked(post, NULL);
		else
			assert_int_equal(err.kind, ERR_NOMEM);
	}
	buf_fini(&body);
}

/* ---- anything ------------------------------------------------------------------------------- */

static void random_requests_arrive_with_all_their_spans(void **state)
{
	struct jaeger_codec *codec = *state;
	size_t spans = 0;
	for (uint64_t seed = 0; seed < RANDOM_REQUESTS; seed++) {
		struct random_shape shape = random_shape_of(seed);
		struct buf body = BUF_INIT;
		random_request(&shape, &body);
		Jaeger__PostSpansRequest *post = map(codec, &body, NULL);
		spans += post->batch->n_spans;
		jaeger__post_spans_request__free_unpacked(post, NULL);
		buf_fini(&body);
	}
	assert_true(spans > RANDOM_REQUESTS);
}

static int open_with(void **state, uint64_t bytes_max)
{
	static struct jaeger_codec codec;
	*state = &codec;
	return jaeger_codec_open(&codec, bytes_max) ? 0 : -1;
}

static int set_up(void **state)
{
	return open_with(state, BYTES_MAX);
}

static int set_up_unbounded(void **state)
{
	return open_with(state, UINT64_MAX);
}

static int tear_down(void **state)
{
	return jaeger_codec_close(*state) ? 0 : -1;
}

#define BOUNDED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define UNBOUNDED(test) cmocka_unit_test_setup_teardown(test, set_up_unbounded, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOUNDED(the_name_of_the_service_is_no_tag),
		BOUNDED(spans_of_other_resources_carry_their_own_process),
		BOUNDED(equal_resources_are_one_process),
		BOUNDED(a_request_without_spans_has_none),
		BOUNDED(several_spans_over_the_bound_are_to_be_split),
		BOUNDED(one_span_over_the_bound_is_sent),
		BOUNDED(large_resources_of_many_spans_cost_nothing),
		UNBOUNDED(messages_for_one_request_are_bounded),
		BOUNDED(memory_that_is_short_is_no_reason_to_split),
		UNBOUNDED(random_requests_arrive_with_all_their_spans),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
