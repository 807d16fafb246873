/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the lexer's events that looks at one object's members and passes over the rest. */
#include "pipeline/trace/otlp_json/json_response.h"

#include "pipeline/base/clock.h"
#include "pipeline/trace/json/json_lex.h"

#include <inttypes.h>

/* Where a reader of {"partialSuccess":{"rejectedSpans":…,"errorMessage":…}} stands. */
enum place { PLACE_OTHER = 0, PLACE_PARTIAL, PLACE_REJECTED, PLACE_MESSAGE };

static enum place place_of(struct slice key, uint32_t depth, bool in_partial)
{
	if (depth == 1 && (slice_equal(key, SLICE("partialSuccess")) ||
			   slice_equal(key, SLICE("partial_success"))))
		return PLACE_PARTIAL;
	if (depth != 2 || !in_partial)
		return PLACE_OTHER;
	if (slice_equal(key, SLICE("rejectedSpans")) || slice_equal(key, SLICE("rejected_spans")))
		return PLACE_REJECTED;
	if (slice_equal(key, SLICE("errorMessage")) || slice_equal(key, SLICE("error_message")))
		return PLACE_MESSAGE;
	return PLACE_OTHER;
}

bool json_response_read_partial_success(struct slice body, struct partial_success *ret_partial)
{
	struct json_lexer lexer;
	struct err err;
	enum json_event event;
	enum place place = PLACE_OTHER;
	bool in_partial = false;
	uint32_t depth = 0;
	json_lexer_init(&lexer);
	*ret_partial = (struct partial_success){0};
	while ((event = json_lexer_next(&lexer, &body, &err)) > JSON_MORE) {
		if (depth == 0 && event != JSON_BEGIN_OBJECT)
			return false;
		if (event == JSON_KEY)
			place = place_of(lexer.text, depth, in_partial);
		else if (event == JSON_BEGIN_OBJECT || event == JSON_BEGIN_ARRAY)
			in_partial = ++depth == 2 ? place == PLACE_PARTIAL : in_partial;
		else if (event == JSON_END_OBJECT || event == JSON_END_ARRAY)
			depth--;
		else if (place == PLACE_MESSAGE && lexer.text.len > 0 &&
			 (event == JSON_TEXT || event == JSON_TEXT_END))
			ret_partial->has_message = true;
		else if (place == PLACE_REJECTED &&
			 (event == JSON_TEXT_END || event == JSON_NUMBER) &&
			 !slice_parse_u64(lexer.text, &ret_partial->rejected_spans))
			return false;
	}
	return event == JSON_MORE && json_lexer_finish(&lexer, &err) == 0;
}

void json_response_write_status(struct buf *out, int code, const char *message, uint64_t retry_ns)
{
	buf_printf(out, "{\"code\":%d,\"message\":\"", code);
	buf_append_json(out, slice_str(message));
	buf_append_str(out, "\"");
	if (retry_ns > 0)
		buf_printf(out,
			   ",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
			   "\"retryDelay\":\"%" PRIu64 ".%09" PRIu64 "s\"}]",
			   retry_ns / NS_PER_S, retry_ns % NS_PER_S);
	buf_append_str(out, "}");
}
