/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars of OTLP/JSON: from the text of a number or string to a protobuf field. */
#include "pipeline/base/hex.h"
#include "pipeline/trace/otlp_json/json_decode_internal.h"
#include "pipeline/trace/value/field_numbers.h"

#include <math.h>
#include <stdlib.h>

enum { SCALAR_BYTES_MAX = 2 + 10 /* tag, varint */ };

/* ---- writing -------------------------------------------------------------------------------- */

static int write_number(struct json_decoder *decoder, const struct json_field *field,
			enum wire_type type, uint64_t number, struct err *err)
{
	if (json_reserve(decoder, SCALAR_BYTES_MAX, err) != 0)
		return -1;
	uint8_t *begin = decoder->out->data + decoder->out->len, *at = begin;
	at = wire_write_varint(at, wire_tag(field->number, type));
	if (type == WIRE_VARINT) {
		at = wire_write_varint(at, number);
	} else if (type == WIRE_FIXED64) {
		le_write64(at, number);
		at += 8;
	} else {
		le_write32(at, (uint32_t)number);
		at += 4;
	}
	decoder->out->len += (size_t)(at - begin);
	return 0;
}

int json_write_bool(struct json_decoder *decoder, const struct json_field *field, bool yes,
		    struct err *err)
{
	return write_number(decoder, field, WIRE_VARINT, yes, err);
}

/* ---- ids ------------------------------------------------------------------------------------ */

static int write_id(struct json_decoder *decoder, const struct json_field *field, struct slice text,
		    size_t id_bytes, struct err *err)
{
	if (text.len != 0 && text.len != 2 * id_bytes)
		return json_value_fail(decoder, field, err,
				       id_bytes == TRACE_ID_BYTES
					       ? "expected 32 hexadecimal digits"
					       : "expected 16 hexadecimal digits");
	if (json_reserve(decoder, 2 + id_bytes, err) != 0)
		return -1;
	uint8_t *at = decoder->out->data + decoder->out->len;
	*at++ = (uint8_t)wire_tag(field->number, WIRE_LEN);
	*at++ = (uint8_t)(text.len / 2);
	if (!hex_decode(text, at))
		return json_value_fail(decoder, field, err, "not a hexadecimal digit");
	decoder->out->len += 2 + text.len / 2;
	return 0;
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* ${text} as an integer between ${min} (0 or negative) and ${max}, in two's complement. The reason
 * why not, or NULL. */
static const char *parse_integer(struct slice text, int64_t min, uint64_t max, uint64_t *ret_number)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	uint64_t number = 0, bound = negative ? UINT64_C(0) - (uint64_t)min : max;
	size_t at = negative;
	if (at == text.len)
		return "expected an integer";
	bool fits = true;
	for (; at < text.len; at++) {
		uint8_t digit = (uint8_t)(text.ptr[at] - '0');
		if (digit > 9)
			return "expected an integer";
		fits = fits && !__builtin_mul_overflow(number, UINT64_C(10), &number) &&
		       !__builtin_add_overflow(number, (uint64_t)digit, &number);
	}
	if (!fits || number > bound)
		return "the number is out of range";
	*ret_number = negative ? UINT64_C(0) - number : number;
	return NULL;
}

/* Whether ${text} is a number as JSON writes it: strtod accepts more (hexadecimal, "inf"). */
static bool is_decimal(struct slice text)
{
	size_t digits = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];
		bool digit = ascii_is_digit(byte);
		if (!digit && byte != '.' && byte != '-' && byte != '+' && (byte | 0x20) != 'e')
			return false;
		digits += digit;
	}
	return digits > 0;
}

static const char *parse_double(struct slice text, double *ret_number)
{
	char copy[JSON_NUMBER_BYTES_MAX + 1];
	char *end;
	if (slice_equal(text, SLICE("NaN"))) {
		*ret_number = (double)NAN;
		return NULL;
	}
	if (slice_equal(text, SLICE("Infinity")) || slice_equal(text, SLICE("-Infinity"))) {
		*ret_number = text.ptr[0] == '-' ? -HUGE_VAL : HUGE_VAL;
		return NULL;
	}
	if (!is_decimal(text))
		return "expected a number, NaN, Infinity or -Infinity";
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	double number = strtod(copy, &end);
	if (*end)
		return "expected a number, NaN, Infinity or -Infinity";
	if (isinf(number))
		return "the number is out of range";
	*ret_number = number;
	return NULL;
}

static const char *parse_enum(struct slice text, const char *const *names, size_t count,
			      uint64_t *ret_number)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_equal(text, slice_str(names[i]))) {
			*ret_number = i;
			return NULL;
		}
	}
	return "unknown name";
}

static const char *const span_kinds[] = {
	"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
	"SPAN_KIND_CLIENT",	 "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER",
};
static const char *const status_codes[] = {
	"STATUS_CODE_UNSET",
	"STATUS_CODE_OK",
	"STATUS_CODE_ERROR",
};

int json_write_scalar(struct json_decoder *decoder, const struct json_field *field,
		      struct slice text, bool quoted, struct err *err)
{
	const char *why = "a value of another type";
	enum wire_type type = WIRE_VARINT;
	uint64_t number = 0;
	double real = 0;
	switch ((enum json_format)field->format) {
	case FORMAT_TRACE_ID:
	case FORMAT_SPAN_ID:
		if (!quoted)
			break;
		return write_id(decoder, field, text,
				field->format == FORMAT_TRACE_ID ? TRACE_ID_BYTES : SPAN_ID_BYTES,
				err);
	case FORMAT_UINT32: why = parse_integer(text, 0, UINT32_MAX, &number); break;
	case FORMAT_FIXED32:
		type = WIRE_FIXED32;
		why = parse_integer(text, 0, UINT32_MAX, &number);
		break;
	case FORMAT_FIXED64:
		type = WIRE_FIXED64;
		why = parse_integer(text, 0, UINT64_MAX, &number);
		break;
	case FORMAT_INT64: why = parse_integer(text, INT64_MIN, INT64_MAX, &number); break;
	case FORMAT_DOUBLE:
		type = WIRE_FIXED64;
		why = parse_double(text, &real);
		memcpy(&number, &real, sizeof(number));
		break;
	case FORMAT_SPAN_KIND:
		why = quoted ? parse_enum(text, span_kinds, ARRAY_COUNT(span_kinds), &number)
			     : parse_integer(text, INT32_MIN, INT32_MAX, &number);
		break;
	case FORMAT_STATUS_CODE:
		why = quoted ? parse_enum(text, status_codes, ARRAY_COUNT(status_codes), &number)
			     : parse_integer(text, INT32_MIN, INT32_MAX, &number);
		break;
	case FORMAT_MESSAGE:
	case FORMAT_TEXT:
	case FORMAT_BASE64:
	case FORMAT_BOOL:
	case FORMAT_COUNT: break;
	}
	if (why)
		return json_value_fail(decoder, field, err, why);
	return write_number(decoder, field, type, number, err);
}

/* ---- base64 --------------------------------------------------------------------------------- */

int json_write_base64(struct json_decoder *decoder, const struct json_field *field,
		      struct slice text, bool last, struct err *err)
{
	if (json_reserve(decoder, text.len + 3, err) != 0)
		return -1;
	uint8_t *at = decoder->out->data + decoder->out->len;
	ptrdiff_t made = base64_decode(&decoder->base64, text, at);
	ptrdiff_t rest = last && made >= 0 ? base64_decode_end(&decoder->base64, at + made) : 0;
	if (made < 0 || rest < 0)
		return json_value_fail(decoder, field, err, "not base64");
	decoder->out->len += (size_t)(made + rest);
	return 0;
}
