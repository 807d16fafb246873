/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/trace_payload.h"

#include "tests/support/trace_wire.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const words[] = {
	"the",	  "model", "answer",  "request", "token",   "cache",  "prefill", "decode",
	"batch",  "queue", "server",  "stream",	 "latency", "a",      "of",	 "to",
	"prompt", "user",  "context", "window",	 "result",  "search", "in",	 "with",
};

static const char *pick_word(uint64_t *rng)
{
	return words[tw_below(rng, ARRAY_COUNT(words))];
}

/* About ${len} characters of words. */
static void make_text(uint64_t *rng, char *out, size_t len)
{
	size_t used = 0;
	while (used + 12 < len)
		used += (size_t)snprintf(out + used, len - used, "%s ", pick_word(rng));
	out[used] = 0;
}

static void put_id(struct buf *out, uint32_t number, size_t len, uint64_t *rng)
{
	uint64_t id[2] = {tw_random(rng) | 1, tw_random(rng) | 1};
	tw_bytes(out, number, slice_of(id, len));
}

static void put_resource(struct buf *out, uint64_t *rng)
{
	char text[64];
	size_t resource = tw_open(out, RESOURCE_SPANS_RESOURCE);
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.name", "vllm-decode");
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.version", "0.9.2");
	(void)snprintf(text, sizeof(text), "vllm-decode-%08" PRIx64, tw_random(rng) >> 32);
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "k8s.pod.name", text);
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "k8s.namespace.name", "inference");
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "telemetry.sdk.language", "python");
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "telemetry.sdk.name", "opentelemetry");
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "telemetry.sdk.version", "1.37.0");
	tw_attr_int(out, RESOURCE_ATTRIBUTES, "process.pid", 1 + tw_below(rng, 30000));
	tw_close(out, resource);
}

static void put_small_attrs(struct buf *out, uint64_t *rng)
{
	static const char *const methods[] = {"GET", "POST", "PUT"};
	char text[64];
	tw_attr_text(out, SPAN_ATTRIBUTES, "http.request.method", methods[tw_below(rng, 3)]);
	(void)snprintf(text, sizeof(text), "/v1/%s/%u", pick_word(rng), tw_below(rng, 100000));
	tw_attr_text(out, SPAN_ATTRIBUTES, "url.path", text);
	tw_attr_int(out, SPAN_ATTRIBUTES, "http.response.status_code", 200 + tw_below(rng, 5));
	(void)snprintf(text, sizeof(text), "10.%u.%u.%u", tw_below(rng, 256), tw_below(rng, 256),
		       tw_below(rng, 256));
	tw_attr_text(out, SPAN_ATTRIBUTES, PAYLOAD_DENIED_KEY_S, text);
	tw_attr_text(out, SPAN_ATTRIBUTES, "server.address", "gateway");
	tw_attr_int(out, SPAN_ATTRIBUTES, "server.port", 8000 + tw_below(rng, 100));
	tw_attr_text(out, SPAN_ATTRIBUTES, "url.scheme", "http");
}

static void put_finish_reasons(struct buf *out)
{
	size_t pair = tw_open(out, SPAN_ATTRIBUTES);
	tw_text(out, KEY_VALUE_KEY, "gen_ai.response.finish_reasons");
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	size_t array = tw_open(out, ANY_VALUE_ARRAY);
	size_t item = tw_open(out, ARRAY_VALUE_VALUES);
	tw_text(out, ANY_VALUE_STRING, "stop");
	tw_close(out, item);
	tw_close(out, array);
	tw_close(out, any);
	tw_close(out, pair);
}

static void put_gen_ai_attrs(struct buf *out, uint64_t *rng)
{
	static const char model[] = "meta-llama/Llama-3.1-70B-Instruct";
	char text[256];
	tw_attr_text(out, SPAN_ATTRIBUTES, "gen_ai.operation.name", "chat");
	tw_attr_text(out, SPAN_ATTRIBUTES, "gen_ai.system", "vllm");
	tw_attr_text(out, SPAN_ATTRIBUTES, "gen_ai.request.model", model);
	tw_attr_text(out, SPAN_ATTRIBUTES, "gen_ai.response.model", model);
	tw_attr_int(out, SPAN_ATTRIBUTES, "gen_ai.request.max_tokens", 1 + tw_below(rng, 4096));
	tw_attr_double(out, SPAN_ATTRIBUTES, "gen_ai.request.temperature", 0.7);
	tw_attr_double(out, SPAN_ATTRIBUTES, "gen_ai.request.top_p", 0.95);
	tw_attr_int(out, SPAN_ATTRIBUTES, "gen_ai.usage.input_tokens", tw_below(rng, 9000));
	tw_attr_int(out, SPAN_ATTRIBUTES, "gen_ai.usage.output_tokens", tw_below(rng, 2000));
	(void)snprintf(text, sizeof(text), "chatcmpl-%016" PRIx64, tw_random(rng));
	tw_attr_text(out, SPAN_ATTRIBUTES, "gen_ai.response.id", text);
	put_finish_reasons(out);
	(void)snprintf(text, sizeof(text), "session-%08" PRIx64, tw_random(rng) >> 32);
	tw_attr_text(out, SPAN_ATTRIBUTES, "session.id", text);
	(void)snprintf(text, sizeof(text), "user-%u", tw_below(rng, 5000));
	tw_attr_text(out, SPAN_ATTRIBUTES, "user.id", text);
	make_text(rng, text, 150);
	tw_attr_text(out, SPAN_ATTRIBUTES, PAYLOAD_DENIED_KEY_G, text);
	make_text(rng, text, 190);
	tw_attr_text(out, SPAN_ATTRIBUTES, "gen_ai.completion", text);
	tw_attr_double(out, SPAN_ATTRIBUTES, "gen_ai.latency.time_to_first_token",
		       (double)tw_below(rng, 1000) / 997.0);
	tw_attr_text(out, SPAN_ATTRIBUTES, "server.address", "10.0.0.7");
}

static void put_event(struct buf *out, uint64_t time_ns)
{
	size_t event = tw_open(out, SPAN_EVENTS);
	tw_fixed64(out, EVENT_TIME_UNIX_NANO, time_ns);
	tw_text(out, EVENT_NAME, "first_token");
	tw_attr_int(out, EVENT_ATTRIBUTES, "queue.depth", 3);
	tw_close(out, event);
}

static void put_span(struct buf *out, enum payload_shape shape, uint32_t at, uint64_t *rng)
{
	uint64_t start_ns = UINT64_C(1760000000000000000) + tw_random(rng) % 1000000000000u;
	char text[64];
	size_t span = tw_open(out, SCOPE_SPANS_SPANS);
	put_id(out, SPAN_TRACE_ID, TRACE_ID_BYTES, rng);
	put_id(out, SPAN_SPAN_ID, SPAN_ID_BYTES, rng);
	put_id(out, SPAN_PARENT_SPAN_ID, SPAN_ID_BYTES, rng);
	tw_text(out, SPAN_NAME, shape == PAYLOAD_S ? "POST /v1/x" : "chat Llama-3.1-70B-Instruct");
	tw_varint(out, SPAN_KIND, 1 + tw_below(rng, 3));
	tw_fixed64(out, SPAN_START_TIME_UNIX_NANO, start_ns);
	tw_fixed64(out, SPAN_END_TIME_UNIX_NANO, start_ns + tw_below(rng, 2000000000));
	if (shape == PAYLOAD_S)
		put_small_attrs(out, rng);
	else
		put_gen_ai_attrs(out, rng);
	if (at % 4 == 0) {
		(void)snprintf(text, sizeof(text), "x.%012" PRIx64, tw_random(rng) >> 16);
		tw_attr_int(out, SPAN_ATTRIBUTES, text, 1);
	}
	if (at % 8 == 0)
		put_event(out, start_ns + 1000);
	size_t status = tw_open(out, SPAN_STATUS);
	tw_varint(out, STATUS_CODE, STATUS_CODE_OK);
	tw_close(out, status);
	tw_fixed32(out, SPAN_FLAGS, 0x101);
	tw_close(out, span);
}

void payload_append(struct buf *out, enum payload_shape shape, uint32_t span_count, uint64_t seed)
{
	uint64_t rng = seed;
	size_t resource = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	put_resource(out, &rng);
	size_t scope_spans = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	size_t scope = tw_open(out, SCOPE_SPANS_SCOPE);
	tw_text(out, SCOPE_NAME, "vllm.llm_engine");
	tw_close(out, scope);
	for (uint32_t at = 0; at < span_count; at++)
		put_span(out, shape, at, &rng);
	tw_close(out, scope_spans);
	tw_close(out, resource);
}
