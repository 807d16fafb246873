/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipped configurations at work: what an LLM stack sends, with content in every place and
 * scrapes among it, goes through each file of configs/ into sinks in the place of its backends.
 * Jaeger and Tempo get every span under its own names, Langfuse gets the same spans in its words;
 * no branch gets a scrape or a canary. The sinks' bytes are searched, and read by protobuf-c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/llmd_fixtures.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/scenario_spans.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAMES_MAX = 256, NAME_BYTES_MAX = 128, CONFIG_BYTES_MAX = 16 << 10, SETS_MAX = 12 };
enum { SET_BYTES_MAX = 128, APP_TALKS = 3, APP_SPANS = 7 + 25 };

/* Requests with content: a RAG application over llm-d and its variants, and a router that writes the
 * question into a cache's key. Then one without, through llm-d, and two scrapes. */
static const enum llmd_fixture talks[] = {FIXTURE_E, FIXTURE_E2, FIXTURE_E3, FIXTURE_C};
static const struct {
	const char *name;
	bool kept;
} examples[] = {{"llm-d", true}, {"scrape", false}, {"proxied-scrape", false}};
enum { CALLS = ARRAY_COUNT(talks) + 1 };

/* What arrived somewhere, or was sent. */
struct sight {
	char names[NAMES_MAX][NAME_BYTES_MAX]; /* of spans */
	size_t spans;
	unsigned langfuse_keys;	    /* attributes in Langfuse's words */
	unsigned generations;	    /* spans that Langfuse will show as model calls */
	unsigned counted;	    /* spans whose tokens it adds up */
	unsigned users;		    /* spans that it attributes to a user */
	unsigned named_models;	    /* spans for which it knows the model */
	unsigned original_keys;	    /* token counts under the names that were sent */
	unsigned canaries, scrapes; /* bytes and spans that must not be there */
};

/* ---- reading -------------------------------------------------------------------------------- */

static void look_at_attribute(struct sight *sight, const Otlp__KeyValue *attr)
{
	const char *text =
		attr->value && attr->value->value_case == OTLP__ANY_VALUE__VALUE_STRING_VALUE
			? attr->value->string_value
			: "";
	sight->langfuse_keys += strncmp(attr->key, "langfuse.", strlen("langfuse.")) == 0;
	sight->generations += strcmp(attr->key, "langfuse.observation.type") == 0 &&
			      strcmp(text, "generation") == 0;
	sight->named_models += strcmp(attr->key, "langfuse.observation.model.name") == 0;
	sight->counted += strcmp(attr->key, "langfuse.observation.usage_details") == 0;
	sight->users +=
		strcmp(attr->key, "user.id") == 0 || strcmp(attr->key, "langfuse.user.id") == 0;
	sight->original_keys += strcmp(attr->key, "gen_ai.usage.prompt_tokens") == 0;
	sight->scrapes += strcmp(text, "/metrics") == 0;
}

static void look_at_span(struct sight *sight, const Otlp__Span *span)
{
	assert_true(sight->spans < NAMES_MAX);
	(void)snprintf(sight->names[sight->spans++], NAME_BYTES_MAX, "%s", span->name);
	sight->scrapes += strstr(span->name, "/metrics") != NULL;
	for (size_t i = 0; i < span->n_attributes; i++)
		look_at_attribute(sight, span->attributes[i]);
}

static void look_at(struct sight *sight, struct slice request)
{
	sight->canaries += memmem(request.ptr, request.len, "CANARY", 6) != NULL;
	Otlp__ExportTraceServiceRequest *message =
		otlp__export_trace_service_request__unpack(NULL, request.len, request.ptr);
	assert_non_null(message);
	for (size_t r = 0; r < message->n_resource_spans; r++) {
		const Otlp__ResourceSpans *resource = message->resource_spans[r];
		for (size_t s = 0; s < resource->n_scope_spans; s++) {
			for (size_t i = 0; i < resource->scope_spans[s]->n_spans; i++)
				look_at_span(sight, resource->scope_spans[s]->spans[i]);
		}
	}
	otlp__export_trace_service_request__free_unpacked(message, NULL);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void assert_same_names(struct sight *sent, struct sight *seen, const char *where)
{
	qsort(sent->names, sent->spans, NAME_BYTES_MAX, by_name);
	qsort(seen->names, seen->spans, NAME_BYTES_MAX, by_name);
	if (sent->spans != seen->spans)
		fail_msg("%s: %zu spans, expected %zu", where, seen->spans, sent->spans);
	for (size_t i = 0; i < sent->spans; i++)
		assert_string_equal(seen->names[i], sent->names[i]);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Reads what the daemon prints meanwhile: a full pipe would stop it. */
static void send_all(struct daemon *daemon, struct scenario_sender *sender,
		     struct example_requests *requests, struct sight *sent)
{
	for (size_t i = 0; i < requests->count; i++) {
		struct slice body = chunk_slice(requests->items[i]);
		struct scenario_answer answer = scenario_send(sender, NULL, CODING_IDENTITY, body);
		if (answer.grpc_status != 0)
			fail_msg("request %zu was not taken: %s", i, answer.message);
		(void)daemon_output(daemon);
		if (sent)
			look_at(sent, body);
	}
	example_requests_fini(requests);
}

static size_t example_named(const char *name)
{
	size_t which = 0;
	while (strcmp(example_trace_name(which), name) != 0)
		which++;
	return which;
}

/* Sends all to the daemon; ${sent} gets what is to be kept. */
static void talk(struct daemon *daemon, struct sight *sent)
{
	const struct example_variant variant = {
		.seed = 3, .end_ns = 1789000003146000000U, .merged = true};
	struct scenario_sender sender;
	struct example_requests requests;
	struct err err;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	for (size_t i = 0; i < ARRAY_COUNT(talks); i++) {
		llmd_fixture_build(talks[i], true, &sender.budget, &requests);
		send_all(daemon, &sender, &requests, sent);
	}
	for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
		assert_int_equal(example_trace_build(example_named(examples[i].name), &variant,
						     &sender.budget, &requests, &err),
				 0);
		send_all(daemon, &sender, &requests, examples[i].kept ? sent : NULL);
	}
	scenario_sender_close(&sender);
	assert_true(sent->canaries > 0);
}

/* ---- the daemon with a shipped file --------------------------------------------------------- */

struct scene {
	struct daemon *daemon;
	struct peer_grpc *jaeger, *tempo;
	struct http_sink *langfuse;
	char sets[SETS_MAX][SET_BYTES_MAX];
	const char *args[2 * SETS_MAX + 1];
	size_t count;
};

static void read_config(const char *path, char text[CONFIG_BYTES_MAX])
{
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("%s cannot be opened; tests run from the root of the tree", path);
	size_t len = fread(text, 1, CONFIG_BYTES_MAX - 1, file);
	assert_true(len > 0 && len < CONFIG_BYTES_MAX - 1);
	text[len] = 0;
	(void)fclose(file);
}

static void set(struct scene *scene, const char *format, ...) PRINTF_LIKE(2, 3);

static void set(struct scene *scene, const char *format, ...)
{
	va_list list;
	assert_true(scene->count < SETS_MAX);
	va_start(list, format);
	(void)vsnprintf(scene->sets[scene->count], SET_BYTES_MAX, format, list);
	va_end(list);
	scene->args[2 * scene->count] = "--set";
	scene->args[2 * scene->count + 1] = scene->sets[scene->count];
	scene->count++;
}

/* Starts sinks for the backends that ${path} names and the program with them. ${more}: one more
 * setting, or NULL. */
static void scene_open(struct scene *scene, const char *path, const char *more)
{
	static char text[CONFIG_BYTES_MAX];
	read_config(path, text);
	*scene = (struct scene){.count = 0};
	set(scene, "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0");
	set(scene, "receivers.otlp.protocols.http.endpoint=127.0.0.1:0");
	set(scene, "service.telemetry.metrics.level=none");
	set(scene, "service.telemetry.logs.level=info");
	set(scene, "service.telemetry.logs.encoding=console");
	if (strstr(text, "health_check:"))
		set(scene, "extensions.health_check.endpoint=127.0.0.1:0");
	if (strstr(text, "otlp_grpc/jaeger:")) {
		scene->jaeger = peer_grpc_start(&(struct peer_grpc_options){0});
		set(scene, "exporters.otlp_grpc/jaeger.endpoint=127.0.0.1:%u",
		    peer_grpc_port(scene->jaeger));
	}
	if (strstr(text, "otlp_grpc/tempo:")) {
		scene->tempo = peer_grpc_start(&(struct peer_grpc_options){0});
		set(scene, "exporters.otlp_grpc/tempo.endpoint=127.0.0.1:%u",
		    peer_grpc_port(scene->tempo));
	}
	if (strstr(text, "exporters: [langfuse]")) {
		scene->langfuse = http_sink_start(0, false);
		set(scene, "exporters.langfuse.host=http://127.0.0.1:%u",
		    http_sink_port(scene->langfuse));
	}
	if (more)
		set(scene, "%s", more);
	scene->daemon = daemon_start(text, scene->args);
}

/* Ends the program, which delivers what it holds; ${output} gets what it printed. */
static void scene_end(struct scene *scene, struct buf *output)
{
	daemon_signal(scene->daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(scene->daemon), 0);
	buf_append_str(output, daemon_output(scene->daemon));
	assert_int_equal(daemon_stop(scene->daemon), 0);
}

static void scene_close(struct scene *scene)
{
	if (scene->jaeger)
		peer_grpc_stop(scene->jaeger);
	if (scene->tempo)
		peer_grpc_stop(scene->tempo);
	if (scene->langfuse)
		http_sink_stop(scene->langfuse);
}

/* ---- what arrives --------------------------------------------------------------------------- */

static void assert_clean(const struct sight *seen)
{
	assert_int_equal(seen->canaries, 0);
	assert_int_equal(seen->scrapes, 0);
}

static void assert_original(struct sight *sent, struct peer_grpc *backend, const char *where)
{
	struct sight *seen = calloc(1, sizeof(*seen));
	size_t count;
	const struct peer_grpc_call *calls = peer_grpc_lock(backend, &count);
	for (size_t i = 0; i < count; i++)
		look_at(seen, slice_of(calls[i].message, calls[i].message_len));
	peer_grpc_unlock(backend);
	assert_same_names(sent, seen, where);
	assert_clean(seen);
	assert_int_equal(seen->langfuse_keys, 0);
	assert_int_equal(seen->original_keys, sent->original_keys);
	free(seen);
}

static void assert_mapped(struct sight *sent, struct http_sink *backend)
{
	struct sight *seen = calloc(1, sizeof(*seen));
	size_t count;
	const struct http_sink_call *calls = http_sink_lock(backend, &count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(calls[i].path, "/api/public/otel/v1/traces");
		look_at(seen, slice_of(calls[i].message, calls[i].message_len));
	}
	http_sink_unlock(backend);
	assert_same_names(sent, seen, "Langfuse");
	assert_clean(seen);
	/* The tokens of each call are counted once, by the application's call where there is one. The
	 * engines of the two others are the model calls there; their own spans name no model. */
	assert_int_equal(seen->counted, CALLS);
	assert_int_equal(seen->generations, 2);
	assert_true(seen->named_models >= CALLS);
	assert_int_equal(seen->users, APP_TALKS * APP_SPANS); /* from the root to all */
	free(seen);
}

static void run_file(const char *path)
{
	struct scene scene;
	struct buf output = BUF_INIT;
	struct sight *sent = calloc(1, sizeof(*sent));
	scene_open(&scene, path, NULL);
	talk(scene.daemon, sent);
	scene_end(&scene, &output);
	assert_non_null(scene.jaeger);
	assert_non_null(scene.langfuse);
	assert_original(sent, scene.jaeger, "Jaeger");
	if (scene.tempo)
		assert_original(sent, scene.tempo, "Tempo");
	assert_mapped(sent, scene.langfuse);
	assert_null(strstr(buf_cstr(&output), "CANARY"));
	scene_close(&scene);
	buf_fini(&output);
	free(sent);
}

static void langfuse_gets_its_words_and_jaeger_the_original_ones(void **state)
{
	(void)state;
	run_file("configs/langfuse.yaml");
}

static void the_cluster_delivers_to_three_backends_without_content_and_noise(void **state)
{
	(void)state;
	run_file("configs/cluster.yaml");
}

static void the_operators_resource_does_the_same(void **state)
{
	(void)state;
	run_file("configs/llm-d-operator.yaml");
}

/* Lets ${path} print what was sent; the caller frees the output. */
static struct buf printed_by(const char *path, const char *more)
{
	struct scene scene;
	struct buf output = BUF_INIT;
	struct sight *sent = calloc(1, sizeof(*sent));
	scene_open(&scene, path, more);
	talk(scene.daemon, sent);
	scene_end(&scene, &output);
	scene_close(&scene);
	free(sent);
	return output;
}

/* However much is printed. */
static void a_developer_sees_what_would_leave_the_cluster(void **state)
{
	(void)state;
	static const char *const settings[] = {NULL, "exporters.debug.verbosity=detailed"};
	for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
		struct buf output = printed_by("configs/dev.yaml", settings[i]);
		assert_non_null(strstr(buf_cstr(&output), "rag_pipeline"));
		assert_null(strstr(buf_cstr(&output), "CANARY"));
		assert_null(strstr(buf_cstr(&output), "/metrics"));
		buf_fini(&output);
	}
}

/* Scrapes and content, too. */
static void a_test_in_ci_sees_everything(void **state)
{
	(void)state;
	struct buf output = printed_by("configs/ci.yaml", NULL);
	assert_non_null(strstr(buf_cstr(&output), "\nrag_pipeline "));
	assert_non_null(strstr(buf_cstr(&output), "CANARY-QUESTION"));
	assert_non_null(strstr(buf_cstr(&output), "\nGET /metrics "));
	buf_fini(&output);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setenv("LANGFUSE_PUBLIC_KEY", "pk-lf-1", 1);
	(void)setenv("LANGFUSE_SECRET_KEY", "sk-lf-2", 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(langfuse_gets_its_words_and_jaeger_the_original_ones),
		cmocka_unit_test(the_cluster_delivers_to_three_backends_without_content_and_noise),
		cmocka_unit_test(the_operators_resource_does_the_same),
		cmocka_unit_test(a_developer_sees_what_would_leave_the_cluster),
		cmocka_unit_test(a_test_in_ci_sees_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
