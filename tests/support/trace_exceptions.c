/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/trace_exceptions.h"

#include "pipeline/trace/otlp/index.h"
#include "pipeline/trace/otlp/schema.h"

struct scan {
	unsigned found;
	unsigned values; /* AnyValue levels around this point */
	bool stop;	 /* malformed from here on, or nothing more to learn */
	bool repeats;	 /* a singular field twice, several members of a oneof */
};

/* A varint as both sides delimit it. False when it does not end within ${bytes_max}. */
static bool take_varint(struct slice *in, size_t bytes_max, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (size_t i = 0; i < bytes_max && i < in->len; i++) {
		value |= (uint64_t)(in->ptr[i] & 0x7f) << (7 * i);
		if (in->ptr[i] < 0x80) {
			in->ptr += i + 1;
			in->len -= i + 1;
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static bool take_content(struct slice *in, uint32_t wire, struct slice *ret_content)
{
	uint64_t len = wire == WIRE_FIXED64 ? 8 : 4;
	*ret_content = slice_of(NULL, 0);
	if (wire == WIRE_VARINT)
		return take_varint(in, 10, &len);
	if (wire == WIRE_LEN && !take_varint(in, 5, &len))
		return false;
	if ((wire != WIRE_LEN && wire != WIRE_FIXED64 && wire != WIRE_FIXED32) || len > in->len)
		return false;
	*ret_content = slice_of(in->ptr, (size_t)len);
	in->ptr += len;
	in->len -= (size_t)len;
	return true;
}

static size_t id_length(enum schema_message message, uint32_t number)
{
	if (message == SCHEMA_SPAN)
		return number == SPAN_TRACE_ID					 ? 16
		       : number == SPAN_SPAN_ID || number == SPAN_PARENT_SPAN_ID ? 8
										 : 0;
	if (message == SCHEMA_LINK)
		return number == LINK_TRACE_ID ? 16 : number == LINK_SPAN_ID ? 8 : 0;
	return 0;
}

static void scan_message(struct scan *scan, enum schema_message message, struct slice in);

static void scan_known(struct scan *scan, enum schema_message message, uint32_t number,
		       uint32_t wire, struct slice content)
{
	const struct schema_field *known = schema_field(message, number);
	if (wire != known->wire) {
		if (message == SCHEMA_ANY_VALUE && number == ANY_VALUE_BOOL)
			scan->found |= EXCEPTION_BOOL_TYPE;
		scan->stop = true;
		return;
	}
	size_t id_len = id_length(message, number);
	if (id_len > 0 && content.len != 0 && content.len != id_len)
		scan->found |= EXCEPTION_ID_LENGTH;
	if (known->content == SCHEMA_NONE)
		return;
	bool value = known->content == SCHEMA_ANY_VALUE;
	if (value && scan->values == TRACE_VALUE_DEPTH_MAX) {
		scan->found |= EXCEPTION_DEPTH;
		scan->stop = true;
		return;
	}
	scan->values += value;
	scan_message(scan, (enum schema_message)known->content, content);
	scan->values -= value;
}

static void scan_message(struct scan *scan, enum schema_message message, struct slice in)
{
	uint32_t seen = 0;
	while (in.len > 0 && !scan->stop) {
		uint64_t tag;
		struct slice content;
		size_t before = in.len;
		if (!take_varint(&in, 5, &tag)) {
			scan->stop = true;
			return;
		}
		uint32_t number = (uint32_t)tag >> 3;
		if (tag > UINT32_MAX)
			scan->found |= EXCEPTION_TAG_OVERFLOW;
		else if (number == 0 && before - in.len > 1)
			scan->found |= EXCEPTION_FIELD_ZERO;
		else if (number == 0)
			scan->stop = true;
		if (scan->stop || scan->found & EXCEPTION_REFUSED ||
		    !take_content(&in, tag & 7, &content)) {
			scan->stop = true;
			return;
		}
		const struct schema_field *known = schema_field(message, number);
		if (!known)
			continue;
		uint32_t bit = known->label == SCHEMA_ONEOF ? 1
			       : known->replaced_by	    ? 0
							    : UINT32_C(1) << number;
		scan->repeats |= known->replaced_by != 0;
		if (known->label != SCHEMA_REPEATED && (seen & bit)) {
			scan->repeats = true;
			if (known->content != SCHEMA_NONE && known->label == SCHEMA_SINGULAR)
				scan->found |= EXCEPTION_MERGE;
		}
		seen |= bit;
		scan_known(scan, message, number, tag & 7, content);
	}
}

unsigned trace_exceptions(struct slice body)
{
	struct scan scan = {0};
	scan_message(&scan, SCHEMA_EXPORT_REQUEST, body);
	return scan.found;
}

bool trace_repeats(struct slice body)
{
	struct scan scan = {0};
	scan_message(&scan, SCHEMA_EXPORT_REQUEST, body);
	return scan.repeats;
}
