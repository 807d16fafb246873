/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From JSON events to protobuf. The output is written front to back; a message's length is known
 * only at its end, so bytes are set aside for it:
 *   - one byte, as most messages are shorter than 128 bytes (two for a span); when the length turns
 *     out to need more, the content is moved up by the difference;
 *   - a message that passes LONG_BYTES while it is still open gets five bytes there and then, and
 *     its length is padded to that width. So nothing longer is ever moved: without this, 100
 *     nested values around 20 MiB would move them 200 times.
 * docs/design/json.md has the measurements. A repeated key becomes a repeated field, which the
 * index merges as every protobuf decoder does.
 */
#include "pipeline/trace/otlp_json/json_decode_internal.h"

#include <stdlib.h>

enum {
	LONG_BYTES = 16 * 1024,
	WIDTH_LONG = 5,
	OUTPUT_BYTES_MIN = 4096,
	NESTED_COST = 8, /* items of a nested value cost no index, but time to check them */
};

struct json_decoder *json_decoder_new(struct budget *budget)
{
	struct json_decoder *decoder = calloc(1, sizeof(*decoder));
	if (!decoder)
		return NULL;
	json_lexer_init(&decoder->lexer);
	decoder->out = chunk_new(budget, OUTPUT_BYTES_MIN);
	if (!decoder->out) {
		free(decoder);
		return NULL;
	}
	return decoder;
}

void json_decoder_free(struct json_decoder *decoder)
{
	if (!decoder)
		return;
	chunk_unref(decoder->out);
	free(decoder);
}

uint64_t json_decoder_replaced(const struct json_decoder *decoder)
{
	return decoder->lexer.replaced;
}

uint64_t json_decoder_unknown(const struct json_decoder *decoder)
{
	return decoder->unknown;
}

/* ---- output --------------------------------------------------------------------------------- */

int json_value_fail(const struct json_decoder *decoder, const struct json_field *field,
		    struct err *err, const char *why)
{
	return err_set_at(err, decoder->lexer.token, "%s: %s", field->name, why);
}

int json_reserve(struct json_decoder *decoder, size_t more, struct err *err)
{
	struct chunk *out = decoder->out;
	if (LIKELY(out->capacity - out->len >= more))
		return 0;
	if (more > TRACE_BODY_BYTES_MAX - out->len)
		return err_set(err, ERR_LIMIT, "request over %zu bytes", TRACE_BODY_BYTES_MAX);
	if (!chunk_reserve(out, more))
		return err_set(err, ERR_NOMEM, "no memory for a request in JSON");
	return 0;
}

static struct json_frame *top(struct json_decoder *decoder)
{
	return &decoder->frames[decoder->depth - 1];
}

static void write_padded(uint8_t *out, size_t value, uint8_t width)
{
	for (uint8_t i = 1; i < width; i++) {
		*out++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*out = (uint8_t)value;
}

/* Gives every open length its full width. The outer ones are the longer ones: once the innermost
 * is long, all are. */
static int widen_lengths(struct json_decoder *decoder, struct err *err)
{
	struct chunk *out = decoder->out;
	size_t shift = 0;
	for (uint32_t i = 0; i < decoder->depth; i++) {
		if (decoder->frames[i].width > 0)
			shift += (size_t)(WIDTH_LONG - decoder->frames[i].width);
	}
	if (shift == 0)
		return 0;
	if (json_reserve(decoder, shift, err) != 0)
		return -1;
	size_t end = out->len;
	out->len += shift;
	for (uint32_t i = decoder->depth; i-- > 0 && shift > 0;) {
		struct json_frame *frame = &decoder->frames[i];
		if (frame->width == 0)
			continue;
		uint8_t *content = out->data + frame->content;
		memmove(content + shift, content, end - frame->content);
		end = frame->content;
		frame->content += shift;
		shift -= (size_t)(WIDTH_LONG - frame->width);
		frame->width = WIDTH_LONG;
	}
	return 0;
}

static int widen_if_long(struct json_decoder *decoder, struct err *err)
{
	const struct json_frame *frame = top(decoder);
	if (LIKELY(decoder->out->len - frame->content < LONG_BYTES) || frame->width == WIDTH_LONG)
		return 0;
	return widen_lengths(decoder, err);
}

/* Starts ${field} of the innermost frame as a length-delimited field of its own frame. */
static int open_frame(struct json_decoder *decoder, const struct json_field *field, uint8_t width,
		      struct err *err)
{
	if (decoder->depth == FRAMES_MAX)
		return err_set(err, ERR_LIMIT, "JSON nested over %d messages deep at byte %llu",
			       FRAMES_MAX, (unsigned long long)decoder->lexer.token);
	uint64_t tag = wire_tag(field->number, WIRE_LEN);
	size_t tag_len = wire_varint_size(tag);
	if (widen_if_long(decoder, err) != 0 ||
	    json_reserve(decoder, tag_len + (size_t)width, err) != 0)
		return -1;
	struct chunk *out = decoder->out;
	(void)wire_write_varint(out->data + out->len, tag);
	out->len += tag_len + (size_t)width;
	decoder->frames[decoder->depth++] =
		(struct json_frame){.content = out->len, .message = field->message, .width = width};
	return 0;
}

static int close_frame(struct json_decoder *decoder, struct err *err)
{
	struct chunk *out = decoder->out;
	const struct json_frame *frame = top(decoder);
	size_t len = out->len - frame->content, width = frame->width, need = wire_varint_size(len);
	if (need > width) {
		if (json_reserve(decoder, need - width, err) != 0)
			return -1;
		uint8_t *content = out->data + frame->content;
		memmove(content + (need - width), content, len);
		out->len += need - width;
		width = need;
	}
	write_padded(out->data + (frame->content - frame->width), len, (uint8_t)width);
	decoder->depth--;
	return 0;
}

/* ---- messages ------------------------------------------------------------------------------- */

/* What one more ${message} inside a ${parent} adds to the index. */
static size_t index_cost(enum schema_message message, enum schema_message parent)
{
	switch (message) {
	case SCHEMA_RESOURCE_SPANS: return sizeof(struct resource_entry);
	case SCHEMA_SCOPE_SPANS: return sizeof(struct scope_entry);
	case SCHEMA_SPAN: return sizeof(struct span_entry);
	case SCHEMA_EVENT: return sizeof(struct event_entry);
	case SCHEMA_LINK: return sizeof(struct link_entry);
	case SCHEMA_KEY_VALUE:
		return parent == SCHEMA_KVLIST ? NESTED_COST : sizeof(struct attr_entry);
	case SCHEMA_ANY_VALUE: return parent == SCHEMA_ARRAY_VALUE ? NESTED_COST : 0;
	case SCHEMA_NONE:
	case SCHEMA_EXPORT_REQUEST:
	case SCHEMA_RESOURCE:
	case SCHEMA_ENTITY_REF:
	case SCHEMA_SCOPE:
	case SCHEMA_STATUS:
	case SCHEMA_ARRAY_VALUE:
	case SCHEMA_KVLIST:
	case SCHEMA_MESSAGE_COUNT: break;
	}
	return 0;
}

static int open_message(struct json_decoder *decoder, const struct json_field *field,
			struct err *err)
{
	enum schema_message message = (enum schema_message)field->message;
	decoder->index_bytes += index_cost(message, (enum schema_message)top(decoder)->message);
	if (decoder->index_bytes >
	    TRACE_INDEX_BYTES_MIN + decoder->lexer.offset * JSON_INDEX_BYTES_PER_BYTE)
		return err_set(err, ERR_LIMIT, "too many elements for their size at byte %llu",
			       (unsigned long long)decoder->lexer.token);
	if (message == SCHEMA_ANY_VALUE && ++decoder->values > TRACE_VALUE_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "attribute value nested over %d deep at byte %llu",
			       TRACE_VALUE_DEPTH_MAX, (unsigned long long)decoder->lexer.token);
	if (message == SCHEMA_SPAN)
		decoder->spans++;
	return open_frame(decoder, field, message == SCHEMA_SPAN ? 2 : 1, err);
}

static int close_message(struct json_decoder *decoder, struct err *err)
{
	if (decoder->depth == 1) { /* the request has no length of its own */
		decoder->depth = 0;
		return 0;
	}
	if (top(decoder)->message == SCHEMA_ANY_VALUE)
		decoder->values--;
	return close_frame(decoder, err);
}

static int open_request(struct json_decoder *decoder, enum json_event event, struct err *err)
{
	if (event == JSON_NULL)
		return 0;
	if (event != JSON_BEGIN_OBJECT)
		return err_set_at(err, decoder->lexer.token, "expected an object");
	decoder->frames[decoder->depth++] = (struct json_frame){.message = SCHEMA_EXPORT_REQUEST};
	return 0;
}

/* ---- values --------------------------------------------------------------------------------- */

/* The next piece of a string for ${field}. */
static int on_text(struct json_decoder *decoder, const struct json_field *field, bool last,
		   struct err *err)
{
	struct slice text = decoder->lexer.text;
	bool framed = field->format == FORMAT_TEXT || field->format == FORMAT_BASE64;
	if (!decoder->in_text) {
		decoder->scalar_len = 0;
		if (framed && open_frame(decoder, field, 1, err) != 0)
			return -1;
	}
	decoder->in_text = !last;
	if (field->format == FORMAT_TEXT) {
		if (json_reserve(decoder, text.len, err) != 0)
			return -1;
		memcpy(decoder->out->data + decoder->out->len, text.ptr, text.len);
		decoder->out->len += text.len;
	} else if (field->format == FORMAT_BASE64) {
		if (json_write_base64(decoder, field, text, last, err) != 0)
			return -1;
	} else {
		if (text.len > sizeof(decoder->scalar) - decoder->scalar_len)
			return json_value_fail(decoder, field, err, "the text is too long");
		memcpy(decoder->scalar + decoder->scalar_len, text.ptr, text.len);
		decoder->scalar_len += text.len;
		if (!last)
			return 0;
		return json_write_scalar(decoder, field,
					 slice_of(decoder->scalar, decoder->scalar_len), true, err);
	}
	/* Also after the last piece: the output must not depend on how the input was cut. */
	if (widen_if_long(decoder, err) != 0)
		return -1;
	return last ? close_frame(decoder, err) : 0;
}

static int on_null(struct json_decoder *decoder, const struct json_frame *frame, struct err *err)
{
	if (!frame->in_list || frame->message != SCHEMA_ARRAY_VALUE)
		return 0;
	if (open_message(decoder, frame->field, err) != 0)
		return -1;
	return close_message(decoder, err);
}

/* A value for frame->field, of which nothing has come yet. */
static int on_value(struct json_decoder *decoder, struct json_frame *frame, enum json_event event,
		    struct err *err)
{
	const struct json_field *field = frame->field;
	if (event == JSON_NULL)
		return on_null(decoder, frame, err);
	if (field->repeated && !frame->in_list) {
		if (event != JSON_BEGIN_ARRAY)
			return json_value_fail(decoder, field, err, "expected an array");
		frame->in_list = true;
		return 0;
	}
	if (widen_if_long(decoder, err) != 0)
		return -1;
	switch (event) {
	case JSON_BEGIN_OBJECT:
		if (field->format != FORMAT_MESSAGE)
			break;
		return open_message(decoder, field, err);
	case JSON_TEXT:
	case JSON_TEXT_END:
		if (field->format == FORMAT_MESSAGE || field->format == FORMAT_BOOL)
			break;
		return on_text(decoder, field, event == JSON_TEXT_END, err);
	case JSON_NUMBER:
		if (field->format == FORMAT_MESSAGE)
			break;
		return json_write_scalar(decoder, field, decoder->lexer.text, false, err);
	case JSON_TRUE:
	case JSON_FALSE:
		if (field->format != FORMAT_BOOL)
			break;
		return json_write_bool(decoder, field, event == JSON_TRUE, err);
	case JSON_BEGIN_ARRAY:
	case JSON_FAILED:
	case JSON_MORE:
	case JSON_END_OBJECT:
	case JSON_END_ARRAY:
	case JSON_KEY:
	case JSON_NULL:
	case JSON_EVENT_COUNT: break;
	}
	return json_value_fail(decoder, field, err,
			       field->format == FORMAT_MESSAGE ? "expected an object"
							       : "a value of another type");
}

/* ---- events --------------------------------------------------------------------------------- */

static int skip(struct json_decoder *decoder, enum json_event event, struct err *err)
{
	if (event == JSON_BEGIN_OBJECT || event == JSON_BEGIN_ARRAY) {
		if (++decoder->skip_depth > JSON_UNKNOWN_DEPTH_MAX)
			return err_set(
				err, ERR_LIMIT, "unknown field nested over %d deep at byte %llu",
				JSON_UNKNOWN_DEPTH_MAX, (unsigned long long)decoder->lexer.token);
	} else if (event == JSON_END_OBJECT || event == JSON_END_ARRAY) {
		decoder->skip_depth--;
	}
	decoder->skipping = decoder->skip_depth > 0 || event == JSON_TEXT;
	return 0;
}

static int on_event(struct json_decoder *decoder, enum json_event event, struct err *err)
{
	if (decoder->skipping)
		return skip(decoder, event, err);
	if (decoder->depth == 0)
		return open_request(decoder, event, err);
	if (decoder->in_text) {
		const struct json_frame *frame = top(decoder);
		if (frame->message == SCHEMA_NONE) /* the text's own frame */
			frame--;
		return on_text(decoder, frame->field, event == JSON_TEXT_END, err);
	}
	struct json_frame *frame = top(decoder);
	switch (event) {
	case JSON_KEY:
		frame->field = json_field_find((enum schema_message)frame->message,
					       decoder->lexer.text, &frame->hint);
		decoder->skipping = !frame->field;
		decoder->unknown += !frame->field;
		return 0;
	case JSON_END_OBJECT: return close_message(decoder, err);
	case JSON_END_ARRAY: frame->in_list = false; return 0;
	case JSON_BEGIN_OBJECT:
	case JSON_BEGIN_ARRAY:
	case JSON_TEXT:
	case JSON_TEXT_END:
	case JSON_NUMBER:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL: return on_value(decoder, frame, event, err);
	case JSON_FAILED:
	case JSON_MORE:
	case JSON_EVENT_COUNT: break;
	}
	return err_set(err, ERR_INTERNAL, "JSON event out of place");
}

int json_decoder_feed(struct json_decoder *decoder, struct slice input, struct err *err)
{
	enum json_event event;
	while ((event = json_lexer_next(&decoder->lexer, &input, err)) > JSON_MORE) {
		if (on_event(decoder, event, err) != 0)
			return -1;
	}
	return event == JSON_MORE ? 0 : -1;
}

struct chunk *json_decoder_take(struct json_decoder *decoder, struct err *err)
{
	if (json_lexer_finish(&decoder->lexer, err) != 0)
		return NULL;
	struct chunk *out = decoder->out;
	decoder->out = NULL;
	out->span_count = decoder->spans;
	return out;
}
