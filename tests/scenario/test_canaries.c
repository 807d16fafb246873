/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof of metadata_only from end to end: a canary for every rule, in every slot, goes over a
 * socket into the program, by each protocol; every byte that comes out of it, by each exporter, log,
 * page and at its end, is searched for every canary. What rules keep must come out.
 *
 * The rules are read from the table that the program runs by; exporters are rows of a table in
 * canary_scene.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processors/metadata_only/policy.h"
#include "tests/support/canary_scene.h"
#include "tests/support/policy_fixture.h"
#include "tests/support/policy_plant.h"
#include "tests/support/scenario_raw.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/trace_wire.h"

#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>

/* Numbers of canaries: rules from 0, fields from FIELD_NUMBERS, unknown fields UNKNOWN_NUMBER. */
enum { FIELD_NUMBERS = 1000, REQUEST_BYTES = 200000 };
#define HIDING "identifiers: drop, content_references: drop"
#define UNKNOWN_CANARY CANARY_STEM "9000x"
#define PEER_CANARY CANARY_STEM "9001x"

/* ---- planting ---- */

struct planting {
	struct canary_scene *scene;
	enum canary_protocol protocol;
	unsigned samples_max; /* keys of each pattern */
	enum policy_mode mode;
	size_t row;
	struct buf request; /* sent when it is large enough */
	unsigned keys;	    /* planted for the row */
};

static void flush(struct planting *p, size_t more_than)
{
	if (p->request.len <= more_than)
		return;
	canary_scene_send(p->scene, p->protocol, buf_slice(&p->request));
	buf_reset(&p->request);
}

static bool keeps(const struct policy_row *row)
{
	return row->action == ACTION_KEEP || row->action == ACTION_KEEP_NUMBER ||
	       row->action == ACTION_KNOWN;
}

/* What rows keep by its form: digits for numbers and times, else a token, which is all the rest. */
static void survivor_text(size_t row, char text[32])
{
	const struct policy_row *of = &policy_rows[row];
	bool digits = of->action == ACTION_KEEP_NUMBER || of->form == FORM_NUMBER ||
		      of->form == FORM_FIGURES || of->form == FORM_TIME;
	(void)snprintf(text, 32, digits ? "9071253%03zu" : "Survivor%zur", row);
}

/* The text that is planted under a key of ${row}. */
static void value_text(const struct policy_row *row, size_t number, struct buf *out)
{
	char survivor[32], canary[32];
	survivor_text(number, survivor);
	(void)snprintf(canary, sizeof(canary), CANARY_STEM "%zux", number);
	buf_reset(out);
	if (keeps(row))
		buf_append_str(out, survivor);
	else if (row->action == ACTION_CUT)
		buf_printf(out, "https://%s:pw@host/path?q=%s#%s", canary, canary, canary);
	else if (row->action == ACTION_REFERENCE)
		buf_printf(out, "s3://bucket/%s", canary);
	else
		buf_printf(out, "so \"%s\"", canary);
}

static void plant_key(struct planting *p, const char *key)
{
	const struct policy_row *row = &policy_rows[p->row];
	struct buf value = BUF_INIT;
	value_text(row, p->row, &value);
	struct policy_plant plant = {.key = key,
				     .value = buf_cstr(&value),
				     .slots = row->slots,
				     .nested = !keeps(row),
				     .mark = row->when == WHEN_ALWAYS ? NULL : "gen_ai.system",
				     .unknown = UNKNOWN_CANARY};
	if (row->when == WHEN_MODEL_EVENT)
		plant.event_name = "gen_ai.other";
	if (row->action == ACTION_EVENT) {
		plant.key = "harmless";
		plant.event_name = key;
		plant.nested = false;
	} else if (row->action == ACTION_MARK) {
		plant.key = "query";
		plant.slots = 1 << SLOT_SPAN;
		plant.nested = false;
		plant.mark = key;
	}
	policy_plant_put(&p->request, &plant);
	if (!keeps(row) && row->action != ACTION_REFERENCE) {
		plant.value = NULL; /* text as a number */
		plant.nested &= row->when != WHEN_MODEL_OWN;
		plant.number = CANARY_INT;
		policy_plant_put(&p->request, &plant);
	}
	p->keys++;
	flush(p, REQUEST_BYTES);
	buf_fini(&value);
}

static bool plant_pattern(void *arg, struct slice pattern)
{
	struct planting *p = arg;
	struct buf key = BUF_INIT;
	unsigned planted = 0;
	for (unsigned i = 0; i < POLICY_SAMPLES && planted < p->samples_max; i++) {
		if (!policy_sample(pattern, i, &key))
			continue;
		plant_key(p, buf_cstr(&key));
		planted++;
	}
	buf_fini(&key);
	return true;
}

/* Sends canaries for all rules and fields by p->protocol. */
static void plant_all(struct planting *p, bool *planted)
{
	struct buf text = BUF_INIT;
	char canary[32];
	for (p->row = 0; p->row < policy_row_count; p->row++) {
		p->keys = 0;
		if (policy_rows[p->row].when == WHEN_STRICT && p->mode != MODE_STRICT &&
		    !keeps(&policy_rows[p->row]))
			continue;
		assert_true(policy_expand(policy_rows[p->row].pattern, plant_pattern, p));
		planted[p->row] = p->keys > 0;
	}
	for (size_t i = 0; i < policy_field_plant_count; i++) {
		const struct policy_field_plant *plant = &policy_field_plants[i];
		if (plant->field == FIELD_TEXT && p->mode == MODE_DENYLIST)
			continue;
		(void)snprintf(canary, sizeof(canary), CANARY_STEM "%ux",
			       FIELD_NUMBERS + (unsigned)plant->field);
		policy_field_text(plant, canary, &text);
		policy_plant_put_field(&p->request, plant->field, buf_cstr(&text));
	}
	flush(p, 0);
	buf_fini(&text);
	buf_fini(&p->request);
}

/* ---- what peers say ---- */

static void let_backends_sing(struct canary_scene *scene, struct slice request)
{
	static const struct {
		const char *grpc_status;
		int http_status;
	} errors[] = {{"3", 400}, {"7", 401}, {"8", 413}, {"13", 429}, {"14", 500}, {"16", 503}};
	struct peer_grpc_behaviour grpc = {.grpc_message = PEER_CANARY,
					   .grpc_details = PEER_CANARY,
					   .retry_after = PEER_CANARY,
					   .message = SLICE(PEER_CANARY)};
	struct http_sink_behaviour http = {.reason = PEER_CANARY,
					   .custom = PEER_CANARY,
					   .retry_after = PEER_CANARY,
					   .body = SLICE(PEER_CANARY)};
	for (size_t i = 0; i < ARRAY_COUNT(errors); i++) {
		grpc.grpc_status = errors[i].grpc_status;
		http.status = errors[i].http_status;
		canary_scene_answer(scene, &grpc, &http);
		canary_scene_send(scene, CANARY_GRPC, request);
	}
	struct buf partial = BUF_INIT;
	size_t message = tw_open(&partial, EXPORT_RESPONSE_PARTIAL_SUCCESS);
	tw_varint(&partial, PARTIAL_SUCCESS_REJECTED_SPANS, 1);
	tw_text(&partial, PARTIAL_SUCCESS_ERROR_MESSAGE, PEER_CANARY);
	tw_close(&partial, message);
	canary_scene_answer(scene, &(struct peer_grpc_behaviour){.message = buf_slice(&partial)},
			    &(struct http_sink_behaviour){.body = buf_slice(&partial)});
	canary_scene_send(scene, CANARY_GRPC, request);
	canary_scene_answer(
		scene,
		&(struct peer_grpc_behaviour){.http_status = 502, .content_type = PEER_CANARY},
		&(struct http_sink_behaviour){.status = 302, .reason = PEER_CANARY});
	canary_scene_send(scene, CANARY_GRPC, request);
	buf_fini(&partial);
}

static void let_senders_sing(struct canary_scene *scene)
{
#define PROTOBUF "Content-Type: application/x-protobuf\r\n"
#define JSON "Content-Type: application/json\r\n"
	static const struct {
		const char *method, *path, *headers, *body;
	} requests[] = {
		{"POST", "/" PEER_CANARY, PROTOBUF, PEER_CANARY},
		{PEER_CANARY, "/v1/traces", PROTOBUF, PEER_CANARY},
		{"POST", "/v1/traces", "Content-Type: " PEER_CANARY "\r\n", PEER_CANARY},
		{"POST", "/v1/traces", PROTOBUF "Content-Encoding: " PEER_CANARY "\r\n",
		 PEER_CANARY},
		{"POST", "/v1/traces", PROTOBUF "Content-Encoding: gzip\r\n", PEER_CANARY},
		{"POST", "/v1/traces", PROTOBUF "User-Agent: " PEER_CANARY "\r\n",
		 "\x0a\x7f" PEER_CANARY},
		{"POST", "/v1/traces", PROTOBUF PEER_CANARY " bad: header\r\n", PEER_CANARY},
		{"POST", "/v1/traces", PROTOBUF "Authorization: " PEER_CANARY "\x01\r\n",
		 PEER_CANARY},
		{"POST", "/v1/traces", JSON, "{\"" PEER_CANARY "\": " PEER_CANARY "}"},
		{"POST", "/v1/traces", JSON, "{\"resourceSpans\": \"" PEER_CANARY "\"}"},
		{"POST", "/v1/traces", JSON,
		 "{\"resourceSpans\": [{\"scopeSpans\": [{\"spans\": [{\"traceId\": "
		 "\"" PEER_CANARY "\"}]}]}]}"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		struct raw_answer answer;
		raw_http1_post(scene->http_port, requests[i].method, requests[i].path,
			       requests[i].headers, slice_str(requests[i].body), &answer);
		assert_true(answer.status >= 400);
		raw_answer_fini(&answer);
	}
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, scene->grpc_port);
	struct scenario_answer answer =
		scenario_send(&sender, "/" PEER_CANARY, CODING_IDENTITY, SLICE(PEER_CANARY));
	assert_int_equal(answer.grpc_status, 12);
	answer = scenario_send(&sender, NULL, CODING_IDENTITY, SLICE("\x0a\x7f" PEER_CANARY));
	assert_int_not_equal(answer.grpc_status, 0);
	scenario_sender_close(&sender);
}

/* Leaves spans that nobody takes, then ends the program. */
static void end_with_spans_left(struct canary_scene *scene, struct slice request)
{
	struct scenario_sender sender;
	canary_scene_answer(scene, &(struct peer_grpc_behaviour){.action = PEER_STALL},
			    &(struct http_sink_behaviour){.action = SINK_STALL});
	scenario_sender_open(&sender, CLIENT_GRPC, scene->grpc_port);
	struct scenario_answer answer = scenario_send(&sender, NULL, CODING_IDENTITY, request);
	assert_true(scenario_taken(&sender, &answer));
	scenario_sender_close(&sender);
	daemon_signal(scene->daemon, SIGTERM);
	(void)daemon_wait_exit(scene->daemon);
	assert_non_null(strstr(daemon_output(scene->daemon), "spans_left"));
}

/* ---- the proof ---- */

struct proof {
	bool planted[CANARY_NUMBERS], failed[CANARY_NUMBERS];
	unsigned found; /* canaries of any kind */
};

static void check_survivors(struct canary_scene *scene, struct proof *proof)
{
	for (size_t row = 0; row < policy_row_count; row++) {
		char text[32];
		survivor_text(row, text);
		if (keeps(&policy_rows[row]) && !canary_scene_survived(scene, text))
			proof->failed[row] = true;
	}
}

/* A request whose content a backend might quote in an error. */
static struct buf full_request(void)
{
	struct buf request = BUF_INIT;
	const struct policy_plant plant = {.key = "gen_ai.prompt",
					   .value = PEER_CANARY,
					   .slots = POLICY_EVERYWHERE,
					   .nested = true,
					   .mark = "gen_ai.system",
					   .unknown = UNKNOWN_CANARY};
	policy_plant_put(&request, &plant);
	policy_plant_put_field(&request, FIELD_STATUS_MESSAGE, PEER_CANARY);
	return request;
}

static void prove(const char *options, enum policy_mode mode, struct proof *proof)
{
	static struct canary_scene scene;
	struct buf request = full_request();
	canary_scene_open(&scene, options);
	for (int protocol = 0; protocol < CANARY_PROTOCOLS; protocol++) {
		struct planting p = {.scene = &scene,
				     .protocol = (enum canary_protocol)protocol,
				     .samples_max = protocol == CANARY_GRPC ? POLICY_SAMPLES : 1,
				     .mode = mode};
		plant_all(&p, proof->planted);
	}
	assert_true(daemon_metric(scene.daemon, "otelcol_exporter_send_failed_spans_total{") == 0);
	canary_scene_read_pages(&scene);
	let_backends_sing(&scene, buf_slice(&request));
	let_senders_sing(&scene);
	canary_scene_read_pages(&scene);
	end_with_spans_left(&scene, buf_slice(&request));
	canary_scene_search(&scene);
	check_survivors(&scene, proof);
	for (size_t i = 0; i < CANARY_NUMBERS; i++)
		proof->failed[i] |= scene.found[i];
	proof->found += scene.found_count;
	canary_scene_close(&scene);
	buf_fini(&request);
}

static void no_canary_of_any_rule_comes_out(void **state)
{
	static struct proof proof;
	size_t proven = 0;
	(void)state;
	prove("mode: shape, " HIDING, MODE_SHAPE, &proof);
	prove("mode: denylist, " HIDING, MODE_DENYLIST, &proof);
	prove("mode: strict, " HIDING, MODE_STRICT, &proof);
	for (size_t row = 0; row < policy_row_count; row++) {
		proven += proof.planted[row] && !proof.failed[row];
		if (!proof.planted[row] || proof.failed[row])
			print_error("rule %s is not proven\n", policy_rows[row].pattern);
	}
	print_message("note: %zu rules, %zu proven\n", policy_row_count, proven);
	assert_int_equal(proof.found, 0);
	assert_true(policy_row_count >= POLICY_SOURCE_ROWS);
	assert_int_equal(proven, policy_row_count);
}

/* The proof is as good as its search. */
static void every_form_of_a_canary_is_found(void **state)
{
	struct canary_find find;
	struct buf out = BUF_INIT;
	uint8_t base64[64];
	double number = (double)CANARY_INT;
	(void)state;
	assert_true(canary_find(SLICE("a 7 " CANARY_STEM "17x"), 0, &find));
	assert_int_equal(find.number, 17);
	assert_false(canary_find(SLICE("a 7 " CANARY_STEM "17x"), find.at + 1, &find));
	assert_true(canary_find(SLICE("KANARI7E1F"), 0, &find));
	assert_false(canary_find(SLICE("kanari7e1 kanari8e1f"), 0, &find));
	buf_append_hex(&out, SLICE(CANARY_STEM));
	assert_true(canary_find(buf_slice(&out), 0, &find));
	for (size_t offset = 0; offset < 3; offset++) {
		static const char text[] = "xx" CANARY_STEM "17x";
		int len = EVP_EncodeBlock(base64, (const uint8_t *)text + offset,
					  (int)(strlen(text) - offset));
		assert_true(canary_find(slice_of(base64, (size_t)len), 0, &find));
		assert_string_equal(find.form, "base64");
	}
	buf_reset(&out);
	tw_attr_int(&out, 1, "a", CANARY_INT);
	assert_true(canary_find(buf_slice(&out), 0, &find));
	buf_reset(&out);
	tw_attr_double(&out, 1, "a", number);
	assert_true(canary_find(buf_slice(&out), 0, &find));
	buf_reset(&out);
	buf_printf(&out, "%.12e %lld", number, (long long)CANARY_INT);
	assert_true(canary_find(buf_slice(&out), 0, &find));
	buf_fini(&out);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_a_canary_is_found),
		cmocka_unit_test(no_canary_of_any_rule_comes_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
