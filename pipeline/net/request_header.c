/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header's text: one record a field, two lengths and then name and value, one behind the other.
 * Names are in lower case. What is longer than header_bytes_max is counted and thrown away.
 *
 * Memory: the first KiB is part of the request; what is beyond is charged to the connection's account.
 */
#include "pipeline/base/ascii.h"
#include "pipeline/base/assert.h"
#include "pipeline/net/server_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	RECORD_HEAD_BYTES = 2 * sizeof(uint32_t),
	FIELD_OVERHEAD_BYTES = 32, /* as RFC 9113 §10.5.1 counts a field */
};

static bool reserve_text(struct request *request, size_t more)
{
	size_t need = request->text_len + more;
	if (need <= request->text_capacity)
		return true;
	size_t capacity = request->text_capacity * 2;
	while (capacity < need)
		capacity *= 2;	     /* header_bytes_max bounds both */
	ASSERT(capacity / 2 < need); /* never twice as much as is needed */
	bool was_inline = request->text == request->text_inline;
	size_t charge = was_inline ? capacity : capacity - request->text_capacity;
	if (!account_take(&request->sc->account, charge)) {
		counter_add(&server_conn_counters(request->sc)->budget_refusals, 1);
		return false;
	}
	uint8_t *text = was_inline ? malloc(capacity) : realloc(request->text, capacity);
	if (!text) {
		account_give(&request->sc->account, charge);
		return false;
	}
	if (was_inline)
		memcpy(text, request->text_inline, request->text_len);
	request->text = text;
	request->text_capacity = capacity;
	return true;
}

static void count_header(struct request *request, size_t bytes)
{
	request->header_bytes += bytes;
	if (request->header_bytes > server_conn_limits(request->sc)->header_bytes_max)
		request->header_too_large = true;
}

bool request_field_begin(struct request *request)
{
	count_header(request, FIELD_OVERHEAD_BYTES);
	if (request->header_too_large)
		return true;
	if (!reserve_text(request, RECORD_HEAD_BYTES))
		return false;
	request->record_start = request->text_len;
	request->text_len += RECORD_HEAD_BYTES;
	return true;
}

bool request_field_text(struct request *request, struct slice bytes)
{
	count_header(request, bytes.len);
	if (request->header_too_large)
		return true;
	if (!reserve_text(request, bytes.len))
		return false;
	if (bytes.len > 0)
		memcpy(request->text + request->text_len, bytes.ptr, bytes.len);
	request->text_len += bytes.len;
	return true;
}

size_t request_field_len(const struct request *request)
{
	if (request->header_too_large)
		return 0;
	return request->text_len - request->record_start - RECORD_HEAD_BYTES;
}

void request_field_end(struct request *request, size_t name_len)
{
	if (request->header_too_large)
		return;
	ASSERT(name_len <= request_field_len(request));
	uint8_t *record = request->text + request->record_start;
	uint32_t lengths[2] = {(uint32_t)name_len,
			       (uint32_t)(request_field_len(request) - name_len)};
	memcpy(record, lengths, sizeof(lengths));
	for (size_t i = 0; i < name_len; i++)
		record[RECORD_HEAD_BYTES + i] = ascii_lower(record[RECORD_HEAD_BYTES + i]);
}

bool request_add_field(struct request *request, struct slice name, struct slice value)
{
	if (!request_field_begin(request) || !request_field_text(request, name) ||
	    !request_field_text(request, value))
		return false;
	request_field_end(request, name.len);
	return true;
}

struct slice server_request_header(const struct server_request *request, const char *name)
{
	const struct request *whole =
		CONTAINER_OF((struct server_request *)(uintptr_t)request, struct request, base);
	struct slice wanted = slice_str(name);
	size_t at = 0;
	while (at < whole->text_len) {
		uint32_t lengths[2];
		memcpy(lengths, whole->text + at, sizeof(lengths));
		const uint8_t *text = whole->text + at + RECORD_HEAD_BYTES;
		if (slice_equal(slice_of(text, lengths[0]), wanted))
			return slice_of(text + lengths[0], lengths[1]);
		at += RECORD_HEAD_BYTES + lengths[0] + lengths[1];
	}
	return slice_of(NULL, 0);
}
