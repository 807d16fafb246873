/* SPDX-License-Identifier: Apache-2.0 */
/* Who says in which words that a request is too large, and what only sounds like it. */
#include "exporters/otlp/size_words.h"

#include "pipeline/base/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct row {
	const char *who, *text;
};

static const struct row too_large[] = {
	{"grpc-go", "grpc: received message larger than max (5242880 vs. 4194304)"},
	{"grpc-go", "grpc: received message larger than max length allowed on current machine (5 "
		    "vs. 4)"},
	{"grpc-go before 1.72", "grpc: received message after decompression larger than max (5 vs. "
				"4)"},
	{"grpc-go", "grpc: received message after decompression larger than max 4194304"},
	{"grpc-go", "grpc: message after decompression larger than max (5 vs. 4)"},
	{"grpc-go", "trying to send message larger than max (5 vs. 4)"},
	{"grpc-go", "grpc: message after compression is too large (5 vs. 4)"},
	{"C core: C++, Python, Ruby, PHP", "Received message larger than max (5 vs. 4)"},
	{"C core", "SERVER: Received message larger than max (5 vs. 4)"},
	{"C core", "CLIENT: Sent message larger than max (5 vs. 4)"},
	{"grpc-java", "gRPC message exceeds maximum size 4194304: 5242880"},
	{"grpc-java", "Compressed gRPC message exceeds maximum size 4194304: 4194305 bytes read"},
	{"grpc-java", "Decompressed gRPC message exceeds maximum size 4194304"},
	{"grpc-js", "Received message larger than max (5242880 vs 4194304)"},
	{"grpc-js", "Received message that decompresses to a size larger than 4194304"},
	{"grpc-js", "Attempted to send message with a size larger than 4194304"},
	{"grpc-dotnet", "Received message exceeds the maximum configured message size."},
	{"grpc-dotnet", "Sending message exceeds the maximum configured message size."},
	{"tonic", "Error, message length too large: found 5242880 bytes, the limit is: 4194304 "
		  "bytes"},
	{"tonic", "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes"},
	{"tonic", "Error, encoded message length too large: found 5 bytes, the limit is: 4 bytes"},
	{"RFC 9110: Envoy, HAProxy, Node.js", "Payload Too Large"},
	{"RFC 9110", "Content Too Large"},
	{"nginx, Apache, AWS, Cloudflare",
	 "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n"},
	{"IIS", "The page was not displayed because the request entity is too large."},
	{"Go, OpenTelemetry Collector", "\x08\x03\x12\x1chttp: request body too large"},
	{"Express, Langfuse", "PayloadTooLargeError: request entity too large"},
	{"Fastify", "{\"code\":\"FST_ERR_CTP_BODY_TOO_LARGE\",\"message\":\"Request body is too "
		    "large\"}"},
	{"Next.js, Langfuse", "Body exceeded 1mb limit"},
	{"Kestrel", "Request body too large. The max request body size is 30000000 bytes."},
	{"axum", "length limit exceeded"},
	{"Datadog", "{\"title\":\"Request Entity Too Large\",\"detail\":\"Request too large\"}"},
	{"Tempo", "RATE_LIMITED: batch size (966953 bytes) exceeds ingestion limit (local: 50000 "
		  "bytes/s, global: 500000 bytes/s, burst: 50000 bytes) while adding 966953 bytes"},
	{"OpenTelemetry Collector, its queue", "element size too large"},
	{"sarama", "kafka server: Message was too large, server rejected it to avoid allocation "
		   "error"},
	{"sarama",
	 "kafka: invalid configuration (Attempt to produce message larger than configured "
	 "Producer.MaxMessageBytes: 2877851 > 1048576)"},
	{"franz-go, Kafka", "MESSAGE_TOO_LARGE: The request included a message larger than the max "
			    "message size the server will accept."},
	{"librdkafka", "Broker: Message size too large"},
	{"a Collector before one of these",
	 "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5 vs. "
	 "4)"},
};

static const struct row others[] = {
	{"nobody", ""},
	{"any", "quota exceeded"},
	{"any", "rate limit of tenant reached"},
	{"any", "Too Many Requests"},
	{"cut short", "message larger than ma"},
	{"Tempo, a rate", "RATE_LIMITED: ingestion rate limit (local: 16666666 bytes, global: "
			  "66666664 bytes) exceeded while adding 1127497 bytes for user a"},
	{"Tempo, a trace", "TRACE_TOO_LARGE: max size of trace (5000000) exceeded while adding 10 "
			   "bytes"},
	{"nginx, a header", "400 Request Header Or Cookie Too Large"},
	{"RFC 6585", "431 Request Header Fields Too Large"},
	{"RFC 9110", "414 Request-URI Too Large"},
	{"gRPC, metadata", "received metadata size exceeds hard limit (8192 vs. 16384)"},
	{"Collector", "sending queue is full"},
	{"Collector", "data refused due to high memory usage"},
	{"Jaeger", "server busy"},
	{"HTTP/2", "ENHANCE_YOUR_CALM, too many pings"},
};

static void each_spelling_is_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(too_large); i++) {
		if (!speaks_of_size(slice_str(too_large[i].text)))
			fail_msg("%s: %s", too_large[i].who, too_large[i].text);
	}
}

static void what_speaks_of_something_else_is_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		if (speaks_of_size(slice_str(others[i].text)))
			fail_msg("%s: %s", others[i].who, others[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_spelling_is_understood),
		cmocka_unit_test(what_speaks_of_something_else_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
