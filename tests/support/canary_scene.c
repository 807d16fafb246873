/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/canary_scene.h"

#include "tests/support/scenario_config.h"
#include "tests/support/scenario_raw.h"
#include "tests/support/scenario_sender.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- where spans come out ---- */

enum outlet_kind { OUTLET_TERMINAL = 0, OUTLET_FILE, OUTLET_GRPC, OUTLET_HTTP };

static const struct branch {
	const char *name, *processors;
} branches[] = {
	{"traces/plain", "metadata_only"},
	{"traces/langfuse_after", "metadata_only, langfuse"},
	{"traces/langfuse_before", "langfuse, metadata_only"},
};

/* One row, and an exporter is part of the proof. */
static const struct outlet {
	const char *exporter;
	enum outlet_kind kind;
	const char *options; /* @ stands for the peer's port, or the file's path */
	unsigned branch;     /* of branches */
	bool all;	     /* shows every attribute: what is kept must be in it */
} outlets[] = {
	{"otlp_grpc", OUTLET_GRPC, "endpoint: '127.0.0.1:@', tls: {insecure: true}", 0, true},
	{"otlp_http/proto", OUTLET_HTTP, "endpoint: 'http://127.0.0.1:@'", 0, true},
	{"otlp_http/json", OUTLET_HTTP, "endpoint: 'http://127.0.0.1:@', encoding: json", 0, true},
	{"file", OUTLET_FILE, "path: '@', format: json", 0, true},
	{"file/proto", OUTLET_FILE, "path: '@', format: proto", 0, true},
	{"debug/basic", OUTLET_TERMINAL, "verbosity: basic", 0, false},
	{"debug/normal", OUTLET_TERMINAL, "verbosity: normal", 0, true},
	{"debug/detailed", OUTLET_TERMINAL, "verbosity: detailed", 0, true},
	{"debug/tree", OUTLET_TERMINAL, "verbosity: tree", 0, false},
	{"jaeger", OUTLET_GRPC, "endpoint: '127.0.0.1:@', tls: {insecure: true}", 0, false},
	{"langfuse", OUTLET_HTTP, "host: 'http://127.0.0.1:@', public_key: p, secret_key: s", 1,
	 false},
	{"otlp_http/after", OUTLET_HTTP, "endpoint: 'http://127.0.0.1:@'", 1, false},
	{"otlp_http/before", OUTLET_HTTP, "endpoint: 'http://127.0.0.1:@', encoding: json", 2,
	 false},
};
_Static_assert(ARRAY_COUNT(outlets) <= CANARY_OUTLETS_MAX, "room for the peers");

/* ---- the scene ---- */

/* Behind every exporter that has a peer: tries again, but not for long. */
#define PATIENCE                                                                                   \
	"retry_on_failure: {initial_interval: 10ms, max_interval: 10ms, max_elapsed_time: 50ms}, " \
	"sending_queue: {queue_size: 100000}, "

static void append_outlet(struct buf *config, struct canary_scene *scene, size_t at)
{
	const struct outlet *outlet = &outlets[at];
	struct buf target = BUF_INIT;
	char name[32];
	buf_printf(config, "  %s: {", outlet->exporter);
	switch (outlet->kind) {
	case OUTLET_GRPC:
		scene->grpc[at] = peer_grpc_start(&(struct peer_grpc_options){0});
		buf_printf(&target, "%u", peer_grpc_port(scene->grpc[at]));
		buf_append_str(config, PATIENCE);
		break;
	case OUTLET_HTTP:
		scene->http[at] = http_sink_start(0, false);
		buf_printf(&target, "%u", http_sink_port(scene->http[at]));
		buf_append_str(config, PATIENCE);
		break;
	case OUTLET_FILE:
		(void)snprintf(name, sizeof(name), "outlet-%zu", at);
		buf_append_str(&target, file_folder_path(&scene->folder, name));
		break;
	case OUTLET_TERMINAL: buf_append_str(config, "sampling_initial: 1000000, "); break;
	}
	for (const char *option = outlet->options; *option; option++) {
		if (*option == '@')
			buf_append(config, buf_slice(&target));
		else
			buf_append_byte(config, (uint8_t)*option);
	}
	buf_append_str(config, "}\n");
	buf_fini(&target);
}

void canary_scene_open(struct canary_scene *scene, const char *options)
{
	static const char *const args[] = {"--shutdown-timeout", "2s", NULL};
	struct buf config = BUF_INIT;
	*scene = (struct canary_scene){0};
	file_folder_make(&scene->folder);
	void *json;
	assert_int_equal(json_codec_set_up(&json), 0);
	scene->json = json;
	buf_printf(&config,
		   "%sprocessors:\n  metadata_only: {%s}\n"
		   "  langfuse: {join_wait: 0s}\n"
		   "extensions: {health_check: {endpoint: '127.0.0.1:0'}}\nexporters:\n",
		   SCENARIO_LISTENERS, options);
	for (size_t i = 0; i < ARRAY_COUNT(outlets); i++)
		append_outlet(&config, scene, i);
	buf_append_str(&config, "service:\n  policies: [metadata_only]\n"
				"  extensions: [health_check]\n"
				"  telemetry: {logs: {level: debug, sampling: {enabled: false}}, "
				"metrics: {readers: [{pull: {exporter: {prometheus: {host: "
				"127.0.0.1, port: 0}}}}]}}\n"
				"  pipelines:\n");
	for (size_t i = 0; i < ARRAY_COUNT(branches); i++) {
		buf_printf(&config, "    %s: {receivers: [otlp], processors: [%s], exporters: [",
			   branches[i].name, branches[i].processors);
		for (size_t j = 0; j < ARRAY_COUNT(outlets); j++) {
			if (outlets[j].branch == i)
				buf_printf(&config, "%s, ", outlets[j].exporter);
		}
		buf_append_str(&config, "]}\n");
	}
	scene->daemon = daemon_start(buf_cstr(&config), args);
	scene->grpc_port = daemon_grpc_port(scene->daemon);
	scene->http_port = daemon_http_port(scene->daemon);
	scene->health_port = daemon_health_port(scene->daemon);
	buf_fini(&config);
}

void canary_scene_close(struct canary_scene *scene)
{
	(void)daemon_stop(scene->daemon);
	for (size_t i = 0; i < ARRAY_COUNT(outlets); i++) {
		if (scene->grpc[i])
			peer_grpc_stop(scene->grpc[i]);
		if (scene->http[i])
			http_sink_stop(scene->http[i]);
	}
	file_folder_remove(&scene->folder);
	void *state = scene->json;
	assert_int_equal(json_codec_tear_down(&state), 0);
	buf_fini(&scene->pages);
}

/* Keeps what both pages say now. */
void canary_scene_read_pages(struct canary_scene *scene)
{
	struct raw_answer answer;
	daemon_scrape(scene->daemon, &scene->pages);
	raw_http1(scene->health_port,
		  SLICE("GET /?" CANARY_STEM " HTTP/1.1\r\nHost: " CANARY_STEM "\r\n\r\n"),
		  &answer);
	assert_int_equal(answer.status, 200);
	buf_append(&scene->pages, buf_slice(&answer.head));
	buf_append(&scene->pages, buf_slice(&answer.body));
	raw_answer_fini(&answer);
}

/* ---- sending ---- */

/* ${json} with what no version of the protocol has. */
static struct buf with_unknown_members(struct slice json)
{
	static const char mark[] = "\"name\":\"chat\"";
	struct buf out = BUF_INIT;
	const uint8_t *at;
	while ((at = memmem(json.ptr, json.len, mark, strlen(mark)))) {
		size_t len = (size_t)(at - json.ptr) + strlen(mark);
		buf_append(&out, slice_of(json.ptr, len));
		buf_append_str(&out, ",\"note\":\"" CANARY_STEM "9000x\",\"" CANARY_STEM
				     "9000x\":{\"a\":[\"" CANARY_STEM "9000x\"]}");
		json = slice_of(json.ptr + len, json.len - len);
	}
	buf_append(&out, json);
	return out;
}

static void send_json(struct canary_scene *scene, struct slice request)
{
	struct raw_answer answer;
	struct chunk *json = json_codec_encode(scene->json, request);
	assert_non_null(json);
	struct buf body = with_unknown_members(chunk_slice(json));
	raw_http1_post(scene->http_port, "POST", "/v1/traces", "Content-Type: application/json\r\n",
		       buf_slice(&body), &answer);
	assert_int_equal(answer.status, 200);
	raw_answer_fini(&answer);
	buf_fini(&body);
	chunk_unref(json);
}

void canary_scene_send(struct canary_scene *scene, enum canary_protocol protocol,
		       struct slice request)
{
	if (protocol == CANARY_JSON) {
		send_json(scene, request);
	} else {
		struct scenario_sender sender;
		bool grpc = protocol == CANARY_GRPC;
		scenario_sender_open(&sender, grpc ? CLIENT_GRPC : CLIENT_HTTP,
				     grpc ? scene->grpc_port : scene->http_port);
		struct scenario_answer answer = scenario_send(&sender, NULL, CODING_GZIP, request);
		if (!scenario_taken(&sender, &answer))
			fail_msg("not taken: HTTP %d, gRPC %d, %s", answer.http_status,
				 answer.grpc_status, answer.message);
		scenario_sender_close(&sender);
	}
	daemon_wait_metric(scene->daemon, "sluice_exporter_held_spans{", 0);
}

void canary_scene_answer(struct canary_scene *scene, const struct peer_grpc_behaviour *grpc,
			 const struct http_sink_behaviour *http)
{
	for (size_t i = 0; i < ARRAY_COUNT(outlets); i++) {
		if (scene->grpc[i])
			peer_grpc_set(scene->grpc[i], grpc);
		if (scene->http[i])
			http_sink_set(scene->http[i], http, 0);
	}
}

/* ---- searching ---- */

static void search_bytes(struct canary_scene *scene, const char *where, struct slice bytes)
{
	enum { PRINTED_MAX = 20 };
	struct canary_find find;
	for (size_t from = 0; canary_find(bytes, from, &find); from = find.at + 1) {
		if (scene->found_count++ < PRINTED_MAX)
			canary_print(where, bytes, &find);
		if (find.number < CANARY_NUMBERS)
			scene->found[find.number] = true;
	}
}

static void read_file(struct canary_scene *scene, size_t at, struct buf *out)
{
	char name[32];
	(void)snprintf(name, sizeof(name), "outlet-%zu", at);
	file_folder_read(&scene->folder, name, out);
}

/* All that outlet ${at} has put out, one request after another. */
static void read_outlet(struct canary_scene *scene, size_t at, struct buf *out)
{
	size_t count;
	switch (outlets[at].kind) {
	case OUTLET_TERMINAL: buf_append_str(out, daemon_output(scene->daemon)); return;
	case OUTLET_FILE: read_file(scene, at, out); return;
	case OUTLET_GRPC: {
		const struct peer_grpc_call *calls = peer_grpc_lock(scene->grpc[at], &count);
		for (size_t i = 0; i < count; i++)
			buf_append(out, slice_of(calls[i].message, calls[i].message_len));
		peer_grpc_unlock(scene->grpc[at]);
		return;
	}
	case OUTLET_HTTP: {
		const struct http_sink_call *calls = http_sink_lock(scene->http[at], &count);
		for (size_t i = 0; i < count; i++)
			buf_append(out, slice_of(calls[i].message, calls[i].message_len));
		http_sink_unlock(scene->http[at]);
		return;
	}
	}
}

void canary_scene_search(struct canary_scene *scene)
{
	search_bytes(scene, "terminal or log", slice_str(daemon_output(scene->daemon)));
	search_bytes(scene, "a page", buf_slice(&scene->pages));
	for (size_t i = 0; i < ARRAY_COUNT(outlets); i++) {
		struct buf bytes = BUF_INIT;
		if (outlets[i].kind == OUTLET_TERMINAL)
			continue;
		read_outlet(scene, i, &bytes);
		assert_true(bytes.len > 0);
		search_bytes(scene, outlets[i].exporter, buf_slice(&bytes));
		buf_fini(&bytes);
	}
}

bool canary_scene_survived(struct canary_scene *scene, const char *text)
{
	bool everywhere = true;
	for (size_t i = 0; i < ARRAY_COUNT(outlets); i++) {
		struct buf bytes = BUF_INIT;
		if (!outlets[i].all)
			continue;
		read_outlet(scene, i, &bytes);
		if (!memmem(bytes.data, bytes.len, text, strlen(text))) {
			print_error("%s does not hold %s\n", outlets[i].exporter, text);
			everywhere = false;
		}
		buf_fini(&bytes);
	}
	return everywhere;
}
