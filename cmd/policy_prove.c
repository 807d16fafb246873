/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration is loaded twice: once as it is, to see its pipelines, and once with every receiver
 * replaced by one on a free port of the loopback interface and every pipeline's exporters by an
 * `assert` of its own. Connectors stay. Nothing is sent to anybody else, and no extension starts.
 */
#include "cmd/policy_prove.h"

#include "cmd/prove_corpus.h"
#include "exporters/assert/assert.h"
#include "pipeline/base/clock.h"
#include "pipeline/net/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_EXPORT "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
enum { ARENA_BYTES_MAX = 16 << 20, PIPELINES_MAX = 12, EXIT_LEAKS = 1, EXIT_WRONG = 3 };
static const uint64_t CALL_TIMEOUT_NS = 60 * NS_PER_S;

struct proof {
	struct arena arena;
	struct prove_corpus corpus;
	const char *pipelines[PIPELINES_MAX]; /* those that have exporters */
	size_t pipeline_count;
	struct collector_options options; /* rewritten */
	struct collector collector;
	struct graph *graph;
	struct client *client;
	struct client_call call;
	struct chunk *request;
	bool sent;
	bool leaks, empty; /* of any pipeline */
	struct buf text, json;
};

/* ---- the configuration ---------------------------------------------------------------------- */

static bool add_set(struct proof *proof, const char *set)
{
	struct option_list *sets = &proof->options.sets;
	if (!set || sets->count == OPTION_LIST_MAX) {
		fprintf(stderr, "Error: the configuration has too many pipelines to be proven\n");
		return false;
	}
	sets->at[sets->count++] = set;
	return true;
}

/* "pipelines.<id>.<key>=[ours, connectors…]" */
static bool set_ends(struct proof *proof, const struct config_service *service,
		     const struct config_pipeline *pipeline, const char *key, const char *ours,
		     const struct config_refs *connectors)
{
	struct buf list = BUF_INIT;
	buf_append_str(&list, ours);
	for (size_t i = 0; i < connectors->count; i++)
		buf_printf(&list, "%s%s", list.len > 0 ? ", " : "",
			   service->sections[SECTION_CONNECTORS].at[connectors->at[i].at].id);
	const char *set = arena_printf(&proof->arena, "service.pipelines.%s.%s=[%s]", pipeline->id,
				       key, buf_cstr(&list));
	buf_fini(&list);
	return add_set(proof, set);
}

static bool rewrite_pipeline(struct proof *proof, const struct config_service *service,
			     const struct config_pipeline *pipeline)
{
	char exporter[32] = "";
	if (pipeline->exporters.count > 0) {
		if (proof->pipeline_count == PIPELINES_MAX)
			return add_set(proof, NULL);
		(void)snprintf(exporter, sizeof(exporter), "assert/prove%zu",
			       proof->pipeline_count);
		proof->pipelines[proof->pipeline_count++] =
			arena_printf(&proof->arena, "%s", pipeline->id);
		if (!add_set(proof, arena_printf(&proof->arena, "exporters.%s.max_spans=1000000",
						 exporter)))
			return false;
	}
	return set_ends(proof, service, pipeline, "exporters", exporter,
			&pipeline->to_connectors) &&
	       set_ends(proof, service, pipeline, "receivers",
			pipeline->receivers.count > 0 ? "otlp/prove" : "",
			&pipeline->from_connectors);
}

static bool rewrite(struct proof *proof, const struct collector_options *options)
{
	struct collector as_is;
	proof->options = *options;
	bool good = collector_init(&as_is, options, true, NULL, NULL);
	good = good && add_set(proof, "receivers.otlp/prove.protocols.grpc.endpoint=127.0.0.1:0") &&
	       add_set(proof, "service.extensions=[]") &&
	       add_set(proof, "service.telemetry.metrics.level=none") &&
	       add_set(proof, "service.telemetry.logs.level=error");
	for (size_t i = 0; good && i < as_is.service->pipeline_count; i++)
		good = rewrite_pipeline(proof, as_is.service, &as_is.service->pipelines[i]);
	collector_fini(&as_is);
	return good;
}

/* ---- the run -------------------------------------------------------------------------------- */

static void on_answer(struct client_call *call, const struct client_result *result)
{
	struct proof *proof = CONTAINER_OF(call, struct proof, call);
	proof->sent = result->outcome == CLIENT_ANSWERED && result->grpc_status == 0;
	graph_stop(proof->graph);
}

static void on_ready(void *arg, struct graph *graph)
{
	struct proof *proof = arg;
	struct err err;
	proof->graph = graph;
	const struct client_config config = {.mode = CLIENT_GRPC,
					     .host = "127.0.0.1",
					     .port = collector_first_port(graph),
					     .connections_max = 1,
					     .budget = graph_budget(graph)};
	proof->client = client_new(graph_loop(graph), &config, &err);
	if (!proof->client) {
		fprintf(stderr, "Error: %s\n", err.msg);
		graph_stop(graph);
		return;
	}
	proof->call = (struct client_call){.path = SLICE(TRACE_EXPORT),
					   .content_type = "application/grpc",
					   .parts = &proof->request,
					   .part_count = 1,
					   .timeout_ns = CALL_TIMEOUT_NS,
					   .done = on_answer};
	client_send(proof->client, &proof->call);
}

/* Sends the corpus through. False after a message. */
static bool run(struct proof *proof)
{
	struct err err = {0};
	if (!collector_init(&proof->collector, &proof->options, false, on_ready, proof))
		return false;
	proof->request =
		prove_corpus_request(&proof->corpus, graph_budget(proof->collector.graph), &err);
	if (!proof->request || collector_start(&proof->collector, &err) != 0) {
		fprintf(stderr, "Error: %s\n", err.msg);
		return false;
	}
	(void)collector_wait(&proof->collector);
	if (proof->client)
		client_free(proof->client);
	if (!proof->sent)
		fprintf(stderr, "Error: the pipelines did not take the corpus\n");
	return proof->sent;
}

/* ---- the report ----------------------------------------------------------------------------- */

static bool search(struct proof *proof, struct expect_session *session, uint8_t *places)
{
	const struct trace_buffer *buffer = expect_session_buffer(session);
	const struct buffered_trace *trace = trace_buffer_first(buffer);
	for (; trace; trace = trace_buffer_next(trace)) {
		struct chunk *bytes = trace_buffer_request(buffer, trace);
		if (!bytes)
			return false;
		prove_corpus_find(&proof->corpus, chunk_slice(bytes), places);
		chunk_unref(bytes);
	}
	return true;
}

static unsigned count_bits(unsigned bits)
{
	return (unsigned)__builtin_popcount(bits);
}

static void report_plant(struct proof *proof, uint32_t at, unsigned found)
{
	const struct prove_plant *plant = &proof->corpus.plants[at];
	buf_printf(&proof->json, "%s\n    {\"rule\":\"", at > 0 ? "," : "");
	buf_append_json(&proof->json, slice_str(plant->rule));
	buf_append_str(&proof->json, "\",\"key\":\"");
	buf_append_json(&proof->json, slice_str(plant->key));
	buf_printf(&proof->json, "\",\"planted\":%u,\"came_out\":%u}", count_bits(plant->places),
		   count_bits(found));
	if (found)
		buf_printf(&proof->text, "  came out, %u of %u: %s%s%s\n", count_bits(found),
			   count_bits(plant->places), plant->key, plant->key[0] ? ", by " : "",
			   plant->rule);
}

static bool report_pipeline(struct proof *proof, size_t at)
{
	uint8_t *places = arena_calloc(&proof->arena, proof->corpus.count, 1);
	void *exporter = graph_exporter(proof->collector.graph, "assert", at);
	struct expect_session *session = exporter ? assert_exporter_session(exporter) : NULL;
	unsigned planted = 0, found = 0;
	if (!places || !session || !search(proof, session, places))
		return false;
	uint64_t spans = expect_session_glance(session).spans;
	buf_printf(&proof->json, "%s\n  {\"pipeline\":\"%s\",\"spans\":%" PRIu64 ",\"rules\":[",
		   at > 0 ? "," : "", proof->pipelines[at], spans);
	for (uint32_t i = 0; i < proof->corpus.count; i++) {
		planted += count_bits(proof->corpus.plants[i].places);
		found += count_bits(places[i]);
		report_plant(proof, i, places[i]);
	}
	buf_append_str(&proof->json, "]}");
	buf_printf(&proof->text, "%s  %s: %u of %u texts came out, on %" PRIu64 " of %u spans%s\n",
		   found > 0 || spans == 0 ? "FAIL" : "ok  ", proof->pipelines[at], found, planted,
		   spans, proof->corpus.count, spans == 0 ? ": nothing is proven" : "");
	proof->leaks |= found > 0;
	proof->empty |= spans == 0;
	return true;
}

static bool write_json(const struct proof *proof, const char *path)
{
	FILE *file = fopen(path, "we");
	bool written =
		file && fwrite(proof->json.data, 1, proof->json.len, file) == proof->json.len;
	written = file && fclose(file) == 0 && written;
	if (!written)
		fprintf(stderr, "Error: cannot write %s\n", path);
	return written;
}

static int report(struct proof *proof, const char *json_path)
{
	bool good = proof->pipeline_count > 0;
	buf_append_str(&proof->json, "{\"pipelines\":[");
	for (size_t i = 0; good && i < proof->pipeline_count; i++)
		good = report_pipeline(proof, i);
	bool holds = good && !proof->leaks && !proof->empty;
	buf_printf(&proof->json, "],\n \"expressions_not_planted\":%u,\"holds\":%s}\n",
		   proof->corpus.expressions, holds ? "true" : "false");
	buf_printf(&proof->text, "%u expressions of the table name no key, and were not planted.\n",
		   proof->corpus.expressions);
	(void)fwrite(proof->text.data, 1, proof->text.len, stdout);
	if (!good || proof->text.failed || proof->json.failed) {
		fprintf(stderr, "Error: nothing can be proven: no pipeline, or no memory\n");
		return EXIT_WRONG;
	}
	if (json_path && !write_json(proof, json_path))
		return EXIT_WRONG;
	return holds ? 0 : EXIT_LEAKS;
}

int policy_prove(const struct collector_options *options, const char *json_path)
{
	struct proof proof = {0};
	int code = EXIT_WRONG;
	arena_init(&proof.arena, NULL, ARENA_BYTES_MAX);
	if (options->configs.count == 0)
		fprintf(stderr, "Error: say what is to be proven: --config FILE\n");
	else if (prove_corpus_init(&proof.corpus, &proof.arena) != 0)
		fprintf(stderr, "Error: out of memory\n");
	else if (rewrite(&proof, options) && run(&proof))
		code = report(&proof, json_path);
	chunk_unref(proof.request);
	collector_fini(&proof.collector);
	buf_fini(&proof.text);
	buf_fini(&proof.json);
	arena_fini(&proof.arena);
	return code;
}
