/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OTLP receiver's handlers under whole requests, gRPC and HTTP/2 and HTTP/1.1, protobuf and
 * JSON, in every coding, well-formed or not, in front of a consumer that answers as the script says
 * (otlp_consumer.h).
 *
 * What reaches the consumer is what the reference decoders (protobuf-c, jansson) read in the body,
 * and nothing that they refuse; every request is answered once, with the status that is documented
 * at the head of receivers/otlp/request.c; each one is counted in exactly one place; nothing is left
 * of a request whose sender goes away.
 *
 * Byte 0: bit 0 HTTP/2, bits 1-3 the size of pieces, bits 4-5 which pages may send. Then requests: five bytes (read_request), and a
 * body (fuzz_request.h) of the length that the last two of them say.
 */
#include "pipeline/net/server_internal.h"
#include "tests/fuzz/otlp_consumer.h"
#include "tests/fuzz/otlp_pages.h"
#include "tests/fuzz/otlp_requests.h"
#include "tests/fuzz/virtual_clock.h"
#include "tests/support/fuzz_http.h"
#include "tests/support/fuzz_request.h"
#include "tests/support/fuzz_script.h"
#include "tests/support/json_codec.h"
#include "tests/support/json_oracle.h"
#include "tests/support/trace_exceptions.h"

#include <jansson.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	REQUESTS_MAX = 16,
	BODY_BYTES_MAX = 1 << 20,
	SPACE_BYTES = 300 * 1024, /* in front of JSON: more than one slice of the transcoder */
	TIMEOUT_MS = 100,
};

/* One request as the script has it. */
struct asked {
	uint8_t path, type, method, answer;
	enum coding coding;
	const char *coding_name;
	bool coding_known, damaged, held, goes_away, late;
	struct buf plain; /* the body before its coding */
};

/* The answer that it must get; both statuses 0: any (see judge_body). */
struct verdict {
	int http, grpc;
	enum place place; /* PLACES: nowhere in the receiver */
};

static struct world {
	struct loop loop;
	struct budget budget;
	struct server_shard shard;
	struct server *server;
	struct otlp_handler handler;
	size_t page;		 /* the one that holds now */
	struct json_codec codec; /* the reference's side, with a budget of its own */
	struct coder *coder;
} world;

/* ---- what must come of a request ------------------------------------------------------------- */

static uint8_t *pack(const trace_tree *tree, size_t *ret_len)
{
	*ret_len = otlp__export_trace_service_request__get_packed_size(tree);
	uint8_t *bytes = malloc(*ret_len + 1);
	fuzz_must(bytes != NULL);
	(void)otlp__export_trace_service_request__pack(tree, bytes);
	return bytes;
}

static bool trees_equal(const trace_tree *ours, const trace_tree *theirs)
{
	size_t len, other;
	uint8_t *a = pack(ours, &len), *b = pack(theirs, &other);
	bool equal = len == other && memcmp(a, b, len) == 0;
	free(a);
	free(b);
	return equal;
}

/* Protobuf goes on as it came; whether it is accepted is for protobuf-c to say. */
static bool accepts_protobuf(struct slice body, bool *ret_known)
{
	unsigned exceptions = trace_exceptions(body);
	trace_tree *tree = trace_tree_parse(body);
	bool accepted = tree && !(exceptions & EXCEPTION_REFUSED);
	*ret_known = !(exceptions & EXCEPTION_MERGE);
	trace_request_free(tree);
	return accepted;
}

/* The status that the decoders' verdict means; what the consumer was given is compared. */
static struct verdict judge_body(const struct asked *asked, struct slice body)
{
	const struct verdict taken = {consumer_answers[asked->answer].http,
				      consumer_answers[asked->answer].grpc, PLACE_PUSHED};
	if (types[asked->type].body == BODY_PROTOBUF) {
		bool known, accepted = accepts_protobuf(body, &known);
		fuzz_must(!consumer.given || slice_equal(chunk_slice(consumer.given), body));
		return !known	  ? (struct verdict){0, 0, PLACE_PUSHED}
		       : accepted ? taken
				  : (struct verdict){400, 3, PLACE_PUSHED};
	}
	trace_tree *theirs = NULL;
	enum json_verdict verdict = json_oracle(body, &theirs);
	struct err err;
	if (consumer.given && theirs) {
		fuzz_must(view_open(world.codec.view, chunk_slice(consumer.given), &err) == 0);
		trace_tree *ours = trace_tree_parse(world.codec.view->index.body);
		fuzz_must(ours && trees_equal(ours, theirs));
		trace_request_free(ours);
	}
	trace_request_free(theirs);
	if (verdict == JSON_EXCEPTION)
		return consumer.given ? taken : (struct verdict){400, 3, PLACE_REFUSED};
	return verdict == JSON_ACCEPTED ? taken : (struct verdict){400, 3, PLACE_REFUSED};
}

/* In the order in which the receiver looks. ${coded} is the body as it was sent. */
static struct verdict expect(const struct asked *asked, bool http2, struct slice coded)
{
	struct err err = {0};
	bool grpc = types[asked->type].grpc;
	if (grpc && !http2)
		return (struct verdict){415, -1, PLACES};
	if (grpc && asked->method != 0)
		return (struct verdict){405, -1, PLACES};
	if (!grpc && asked->method == 2 && pages[world.page].origin)
		return (struct verdict){204, -1, PLACES};
	if (grpc ? !paths[asked->path].grpc : !paths[asked->path].http)
		return (struct verdict){404, 12, PLACE_MISDIRECTED};
	if (asked->method != 0)
		return (struct verdict){405, -1, PLACE_MISDIRECTED};
	if (types[asked->type].body == BODY_OTHER)
		return (struct verdict){415, -1, PLACE_MISDIRECTED};
	if (!asked->coding_known)
		return (struct verdict){415, 12, PLACES};
	if (coded.len > BODY_BYTES_MAX)
		return (struct verdict){413, 8, PLACES};
	struct chunk *body = coder_decode(world.coder, asked->coding, coded, BODY_BYTES_MAX,
					  &world.codec.budget, &err);
	if (!body)
		return err.kind == ERR_LIMIT ? (struct verdict){413, 8, PLACES}
					     : (struct verdict){400, 13, PLACES};
	struct verdict verdict;
	if (grpc && asked->late)
		verdict = (struct verdict){503, 4, PLACE_LATE};
	else if (coded.len == 0 && types[asked->type].body == BODY_PROTOBUF)
		verdict = (struct verdict){200, 0, PLACE_EMPTY};
	else
		verdict = judge_body(asked, chunk_slice(body));
	chunk_unref(body);
	return verdict;
}

/* ---- requests ------------------------------------------------------------------------------- */

static void read_coding(struct asked *asked, uint8_t byte)
{
	static const char *const unknown[] = {"br", "gzip, gzip", "x"};
	bool grpc = types[asked->type].grpc;
	unsigned number = byte & 15;
	asked->coding_name = unknown[number % ARRAY_COUNT(unknown)];
	if (number < CODING_COUNT) {
		asked->coding = (enum coding)number;
		asked->coding_name =
			grpc ? coding_grpc_name(asked->coding) : coding_http_name(asked->coding);
		if (!asked->coding_name)
			asked->coding_name = "lz4";
	}
	asked->coding_known =
		grpc ? coding_parse_grpc(slice_str(asked->coding_name), &asked->coding)
		     : coding_parse_http(slice_str(asked->coding_name), &asked->coding);
}

/* Byte 0: path, content type, method. Byte 1: coding, damage, lateness. Byte 2: the consumer's
 * answer, now or later or when the sender has gone, white space before JSON. */
static void read_request(struct asked *asked, struct slice *script)
{
	uint8_t what = fuzz_byte(script), how = fuzz_byte(script), then = fuzz_byte(script);
	size_t len = (size_t)fuzz_byte(script) << 8;
	struct slice body = fuzz_bytes(script, len | fuzz_byte(script));
	struct buf room = BUF_INIT;
	*asked = (struct asked){.path = what & 7,
				.type = what >> 3 & 7,
				.method = (uint8_t)(what >> 6) % 3,
				.damaged = how & 16,
				.late = how & 32,
				.answer = then & 7,
				.held = then & 8,
				.goes_away = then & 16,
				.plain = BUF_INIT};
	read_coding(asked, how);
	bool made = body.len > 0 && !(body.ptr[0] & 1);
	body = body.len > 0 ? fuzz_request(body, &room) : body;
	struct chunk *json = NULL;
	if (types[asked->type].body == BODY_JSON && made &&
	    (json = json_codec_encode(&world.codec, body)))
		body = chunk_slice(json);
	for (size_t i = 0; i < SPACE_BYTES && (then & 32) && json; i++)
		buf_append_byte(&asked->plain, ' ');
	buf_append(&asked->plain, body);
	chunk_unref(json);
	buf_fini(&room);
}

/* The body as it is sent, without gRPC's prefix. */
static struct chunk *encode(const struct asked *asked)
{
	struct err err;
	struct slice plain = buf_slice(&asked->plain);
	struct chunk *coded =
		coder_encode(world.coder, asked->coding, 0, &plain, 1, &world.codec.budget, &err);
	fuzz_must(coded != NULL);
	if (asked->damaged && coded->len > 0)
		coded->data[(plain.len * 7 + 3) % coded->len] ^= (uint8_t)(1 << plain.len % 8);
	return coded;
}

static void make_headers(const struct asked *asked, struct buf *out)
{
	bool grpc = types[asked->type].grpc;
	if (types[asked->type].content_type)
		buf_printf(out, "content-type: %s\n", types[asked->type].content_type);
	buf_printf(out, "%s: %s\n", grpc ? "grpc-encoding" : "content-encoding",
		   asked->coding_name);
	if (asked->late)
		buf_printf(out, "grpc-timeout: %dm\n", TIMEOUT_MS);
	if (asked->method == 2)
		buf_append_str(out, "access-control-request-method: POST\n"
				    "access-control-request-headers: accept, x-requested-with\n");
	buf_append_str(out, "origin: " PAGE "\n");
}

static void be_late(void *arg)
{
	(void)arg;
	virtual_clock_advance(2 * TIMEOUT_MS);
}

static void send_request(struct fuzz_http *http, const struct asked *asked, struct slice coded,
			 size_t piece_bytes)
{
	static const char *const methods[] = {"POST", "PUT", "OPTIONS"};
	struct buf headers = BUF_INIT, body = BUF_INIT;
	if (types[asked->type].grpc) {
		const uint8_t prefix[] = {asked->coding != CODING_IDENTITY,
					  (uint8_t)(coded.len >> 24), (uint8_t)(coded.len >> 16),
					  (uint8_t)(coded.len >> 8), (uint8_t)coded.len};
		buf_append(&body, slice_of(prefix, sizeof(prefix)));
	}
	buf_append(&body, coded);
	make_headers(asked, &headers);
	const struct fuzz_call call = {.method = methods[asked->method],
				       .path = paths[asked->path].path,
				       .headers = buf_cstr(&headers),
				       .body = buf_slice(&body),
				       .piece_bytes = piece_bytes,
				       .before_body = asked->late ? be_late : NULL};
	fuzz_http_send(http, &call);
	buf_fini(&headers);
	buf_fini(&body);
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Errors after content negotiation are a google.rpc.Status in the encoding of the request. */
static void check_status_body(const struct asked *asked, const struct fuzz_answer *answer,
			      const struct verdict *verdict)
{
	bool json = types[asked->type].body == BODY_JSON;
	if (answer->status == 405 || answer->status == 404 || answer->status == 415 ||
	    answer->status == 204)
		return;
	fuzz_must(strcmp(answer->content_type,
			 json ? "application/json" : "application/x-protobuf") == 0);
	if (!json)
		return;
	json_t *tree = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
	fuzz_must(tree != NULL);
	json_int_t code = json_integer_value(json_object_get(tree, "code"));
	/* What HTTP calls a bad request is INVALID_ARGUMENT, also where gRPC says INTERNAL. */
	fuzz_must(answer->status == 200 ? json_object_get(tree, "partialSuccess") != NULL
					: code == (answer->status == 400 ? 3 : verdict->grpc));
	json_decref(tree);
}

static void check_answer(const struct asked *asked, const struct fuzz_answer *answer,
			 struct verdict verdict)
{
	fuzz_must(answer->complete);
	if (types[asked->type].grpc && verdict.grpc >= 0) {
		fuzz_must(answer->status == 200);
		fuzz_must(answer->grpc_status == verdict.grpc || verdict.http == 0);
		return;
	}
	fuzz_must(answer->grpc_status == -1);
	fuzz_must(answer->status == verdict.http || verdict.http == 0);
	const char *origin =
		answer->status == 204 ? pages[world.page].preflight : pages[world.page].other;
	if (!types[asked->type].grpc)
		fuzz_must(strcmp(answer->allow_origin, origin) == 0);
	if (verdict.http != 0)
		check_status_body(asked, answer, &verdict);
}

static uint64_t misdirected(void)
{
	uint64_t requests = 0;
	for (int i = 0; i < MISDIRECTED_COUNT; i++)
		requests += counter_get(&world.handler.misdirected[i]);
	return requests;
}

static void check_counts(const uint64_t *before, enum place place)
{
	consumer.counts[PLACE_MISDIRECTED] = misdirected();
	for (int i = 0; i < PLACES; i++)
		fuzz_must(consumer.counts[i] == before[i] + (i == (int)place));
}

/* ---- one input ------------------------------------------------------------------------------ */

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		(void)uv_run(&world.loop.uv, UV_RUN_NOWAIT);
}

static void set_up(void)
{
	static const struct config_headers no_headers;
	struct server_config config = {.endpoint = "127.0.0.1:0",
				       .transport = "tcp",
				       .label = "FUZZ",
				       .limits = server_limits_default(),
				       .handler = &otlp_server_handler,
				       .handler_arg = &world.handler,
				       .keep_alives = true};
	struct err err;
	void *codec = NULL;
	config.limits.http_body_bytes_max = config.limits.grpc_message_bytes_max = BODY_BYTES_MAX;
	fuzz_must(json_codec_set_up(&codec) == 0);
	world.codec = *(struct json_codec *)codec;
	consumer.view = world.codec.view;
	budget_init(&world.budget, UINT64_MAX);
	fuzz_must(loop_init(&world.loop, &err) == 0);
	fuzz_must((world.coder = coder_new()) && (world.shard.coder = coder_new()));
	world.shard.loop = &world.loop;
	world.shard.budget = &world.budget;
	world.handler.traces_url_path = "/v1/traces";
	world.handler.response_headers = &no_headers;
	set_up_pages();
	fuzz_must((world.server = server_new(&config, NULL, &err)) != NULL);
	fuzz_must(server_start(world.server, &world.loop, &world.shard, 1, &err) == 0);
}

static struct fuzz_http *connect_client(bool http2)
{
	int fds[2];
	fuzz_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	counter_add(&world.server->counters.connections_open, 1);
	atomic_fetch_add(&world.shard.connections, 1);
	server_conn_open(&world.server->workers[0], fds[0]);
	return fuzz_http_new(fds[1], http2, turn);
}

/* True when the connection can be used again. */
static bool play(struct fuzz_http *http, bool http2, const struct asked *asked, size_t piece_bytes)
{
	uint64_t before[PLACES];
	consumer.counts[PLACE_MISDIRECTED] = misdirected();
	memcpy(before, consumer.counts, sizeof(before));
	consumer.answer = asked->answer;
	consumer.hold = asked->held || asked->goes_away;
	struct chunk *coded = encode(asked);
	send_request(http, asked, chunk_slice(coded), piece_bytes);
	const struct fuzz_answer *answer = fuzz_http_answer(http);
	bool goes_away = asked->goes_away && consumer.held;
	if (consumer.held && !goes_away) {
		fuzz_must(!answer->complete);
		consumer_release();
		answer = fuzz_http_answer(http);
	}
	struct verdict verdict = expect(asked, http2, chunk_slice(coded));
	check_counts(before, verdict.place);
	if (!goes_away)
		check_answer(asked, answer, verdict);
	chunk_unref(consumer.given);
	consumer.given = NULL;
	chunk_unref(coded);
	return !goes_away && !fuzz_http_is_over(http);
}

static void disconnect(struct fuzz_http *http)
{
	fuzz_http_free(http);
	turn();
	consumer_release(); /* nobody is there to hear it */
	for (int i = 0; i < 100 && world.server->workers[0].connections; i++)
		turn();
	fuzz_must(!world.server->workers[0].connections && budget_used(&world.budget) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	struct fuzz_http *http = NULL;
	if (size == 0)
		return 0;
	if (!world.server)
		set_up();
	uint8_t flags = fuzz_byte(&script);
	bool http2 = flags & 1;
	size_t piece_bytes = (size_t)(flags >> 1 & 7) * 1021;
	world.page = flags >> 4 & 3;
	world.handler.cors = page_cors[world.page];
	for (int i = 0; i < REQUESTS_MAX && script.len > 0; i++) {
		struct asked asked;
		read_request(&asked, &script);
		http = http ? http : connect_client(http2);
		if (!play(http, http2, &asked, piece_bytes)) {
			disconnect(http);
			http = NULL;
		}
		buf_fini(&asked.plain);
	}
	if (http)
		disconnect(http);
	return 0;
}
