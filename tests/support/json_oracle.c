/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/json_oracle.h"

#include "pipeline/base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

/* ---- scalars: each returns false when the value cannot be one ---- */

static bool read_integer(const json_t *value, int64_t min, uint64_t max, uint64_t *ret_number)
{
	char digits[32];
	const char *text = json_string_value(value);
	if (json_is_integer(value)) {
		(void)snprintf(digits, sizeof(digits), "%lld",
			       (long long)json_integer_value(value));
		text = digits;
	}
	if (!text || (json_is_string(value) && strlen(text) != json_string_length(value)))
		return false;
	bool negative = text[0] == '-';
	size_t len = strlen(text);
	if (len == negative || strspn(text + negative, "0123456789") != len - negative)
		return false;
	errno = 0;
	unsigned long long number = strtoull(text + negative, NULL, 10);
	if (errno || number > (negative ? UINT64_C(0) - (uint64_t)min : max))
		return false;
	*ret_number = negative ? UINT64_C(0) - number : number;
	return true;
}

static bool read_double(const json_t *value, double *ret_number)
{
	const char *text = json_string_value(value);
	char *end;
	if (json_is_number(value)) {
		*ret_number = json_number_value(value);
		return true;
	}
	if (!text || !text[0] || strlen(text) != json_string_length(value))
		return false;
	bool named = strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 ||
		     strcmp(text, "-Infinity") == 0;
	if (!named && strspn(text, "0123456789+-.eE") != strlen(text))
		return false;
	errno = 0;
	*ret_number = strtod(text, &end);
	return !*end && (named || !(errno == ERANGE && (*ret_number > 1 || *ret_number < -1)));
}

static bool read_enum(const json_t *value, const ProtobufCEnumDescriptor *type, int32_t *ret_number)
{
	uint64_t number;
	if (json_is_string(value)) {
		const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value_by_name(
			type, json_string_value(value));
		if (!known || strlen(known->name) != json_string_length(value))
			return false;
		*ret_number = known->value;
		return true;
	}
	if (!read_integer(value, INT32_MIN, INT32_MAX, &number))
		return false;
	*ret_number = (int32_t)number;
	return true;
}

static bool read_hex(struct slice text, size_t bytes, ProtobufCBinaryData *ret_data)
{
	if (text.len != 0 && text.len != 2 * bytes)
		return false;
	ret_data->len = text.len / 2;
	ret_data->data = malloc(bytes);
	for (size_t i = 0; i < text.len; i++) {
		char digit[2] = {(char)text.ptr[i], 0};
		if (!isxdigit((unsigned char)digit[0]))
			return false;
		uint8_t value = (uint8_t)strtoul(digit, NULL, 16);
		uint8_t *byte = &ret_data->data[i / 2];
		*byte = (uint8_t)(i % 2 ? *byte | value : value << 4);
	}
	return true;
}

static bool read_base64(struct slice text, ProtobufCBinaryData *ret_data)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	unsigned held = 0;
	size_t len = text.len;
	while (len > 0 && text.len - len < 2 && text.ptr[len - 1] == '=')
		len--;
	if (len % 4 == 1 || (len != text.len && text.len % 4 != 0))
		return false;
	ret_data->data = malloc(len + 1);
	ret_data->len = 0;
	for (size_t i = 0; i < len; i++) {
		char byte = (char)text.ptr[i];
		byte = byte == '-' ? '+' : byte == '_' ? '/' : byte;
		const char *at = byte ? strchr(digits, byte) : NULL;
		if (!at)
			return false;
		bits = bits << 6 | (uint32_t)(at - digits);
		held += 6;
		if (held >= 8) {
			held -= 8;
			ret_data->data[ret_data->len++] = (uint8_t)(bits >> held);
		}
	}
	return true;
}

static bool read_bytes(const json_t *value, const char *name, ProtobufCBinaryData *ret_data)
{
	if (!json_is_string(value))
		return false;
	struct slice text = slice_of(json_string_value(value), json_string_length(value));
	if (strcmp(name, "trace_id") == 0)
		return read_hex(text, TRACE_ID_BYTES, ret_data);
	if (strstr(name, "span_id"))
		return read_hex(text, SPAN_ID_BYTES, ret_data);
	return read_base64(text, ret_data);
}

/* ---- messages ---- */

static bool read_message(const json_t *object, const ProtobufCMessageDescriptor *type,
			 ProtobufCMessage **ret_message);

static bool read_scalar(const json_t *value, const ProtobufCFieldDescriptor *field, void *slot)
{
	uint64_t number;
	bool ok;
	switch ((unsigned)field->type) { /* the types that OTLP traces use */
	case PROTOBUF_C_TYPE_MESSAGE: return read_message(value, field->descriptor, slot);
	case PROTOBUF_C_TYPE_STRING:
		if (!json_is_string(value))
			return false;
		*(char **)slot = strndup(json_string_value(value), json_string_length(value));
		return true;
	case PROTOBUF_C_TYPE_BYTES: return read_bytes(value, field->name, slot);
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)slot = json_is_true(value);
		return json_is_boolean(value);
	case PROTOBUF_C_TYPE_DOUBLE: return read_double(value, slot);
	case PROTOBUF_C_TYPE_ENUM: return read_enum(value, field->descriptor, slot);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		ok = read_integer(value, 0, UINT32_MAX, &number);
		*(uint32_t *)slot = ok ? (uint32_t)number : 0;
		return ok;
	case PROTOBUF_C_TYPE_FIXED64:
		ok = read_integer(value, 0, UINT64_MAX, &number);
		*(uint64_t *)slot = ok ? number : 0;
		return ok;
	case PROTOBUF_C_TYPE_INT64:
		ok = read_integer(value, INT64_MIN, INT64_MAX, &number);
		*(int64_t *)slot = ok ? (int64_t)number : 0;
		return ok;
	default: abort();
	}
}

static bool read_array(const json_t *array, const ProtobufCMessageDescriptor *type,
		       const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	size_t *count = (size_t *)(void *)((char *)message + field->quantifier_offset);
	void ***items = (void ***)(void *)((char *)message + field->offset);
	size_t index;
	json_t *item;
	bool keeps_null = strcmp(type->short_name, "ArrayValue") == 0;
	if (!json_is_array(array))
		return false;
	*items = calloc(json_array_size(array) + 1, sizeof(void *));
	json_array_foreach(array, index, item)
	{
		json_t *empty = json_object();
		const json_t *from = json_is_null(item) && keeps_null ? empty : item;
		bool ok = json_is_null(from) || read_scalar(from, field, &(*items)[*count]);
		*count += (*items)[*count] != NULL;
		json_decref(empty);
		if (!ok)
			return false;
	}
	return true;
}

static bool name_matches(const char *snake, const char *key)
{
	char camel[64];
	size_t len = 0;
	for (const char *at = snake; *at && len + 1 < sizeof(camel); at++) {
		bool up = *at == '_';
		at += up;
		camel[len++] = (char)(up ? toupper((unsigned char)*at) : *at);
	}
	camel[len] = 0;
	return strcmp(snake, key) == 0 || strcmp(camel, key) == 0;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type,
						  const char *key)
{
	for (unsigned i = 0; i < type->n_fields; i++) {
		if (name_matches(type->fields[i].name, key))
			return &type->fields[i];
	}
	return NULL;
}

static bool read_field(const json_t *value, const ProtobufCMessageDescriptor *type,
		       const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	char *base = (char *)message;
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return read_array(value, type, field, message);
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		uint32_t *which = (uint32_t *)(void *)(base + field->quantifier_offset);
		if (*which != 0) /* the member that the key before set: the last one wins */
			return false;
		*which = field->id;
	}
	return read_scalar(value, field, base + field->offset);
}

static bool read_message(const json_t *object, const ProtobufCMessageDescriptor *type,
			 ProtobufCMessage **ret_message)
{
	const char *key;
	json_t *value;
	if (!json_is_object(object))
		return false;
	ProtobufCMessage *message = calloc(1, type->sizeof_message);
	protobuf_c_message_init(type, message);
	*ret_message = message;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		const ProtobufCFieldDescriptor *field = find_field(type, key);
		if (field && !json_is_null(value) && !read_field(value, type, field, message))
			return false;
	}
	return true;
}

/* ---- where jansson is no judge ---- */

static bool contains(struct slice text, const char *word)
{
	return text.len > 0 && memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

static unsigned members_set(const json_t *object)
{
	static const char *const members[] = {"stringValue", "boolValue",  "intValue",
					      "doubleValue", "arrayValue", "kvlistValue",
					      "bytesValue"};
	unsigned count = 0;
	for (size_t i = 0; i < ARRAY_COUNT(members); i++)
		count += json_object_get(object, members[i]) != NULL;
	return count;
}

/* Both spellings of one key, or two members of a oneof: the order decides, which jansson loses. */
static bool has_ambiguity(const json_t *value)
{
	const char *key;
	json_t *item;
	size_t index;
	if (members_set(value) > 1)
		return true;
	json_object_foreach((json_t *)(uintptr_t)value, key, item)
	{
		if (strchr(key, '_') || has_ambiguity(item))
			return true;
	}
	json_array_foreach(value, index, item)
	{
		if (has_ambiguity(item))
			return true;
	}
	return false;
}

static bool is_exception(struct slice json, const json_t *root, const json_error_t *error)
{
	if (!utf8_valid(json) || contains(json, "\\u0000"))
		return true;
	if (root)
		return has_ambiguity(root);
	enum json_error_code code = json_error_code(error);
	return code == json_error_duplicate_key || code == json_error_numeric_overflow ||
	       contains(json, "\\uD") || contains(json, "\\ud");
}

enum json_verdict json_oracle(struct slice json, trace_tree **ret_tree)
{
	json_error_t error;
	ProtobufCMessage *message = NULL;
	json_t *root =
		json_loadb((const char *)json.ptr, json.len,
			   JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
	if (is_exception(json, root, &error)) {
		json_decref(root);
		return JSON_EXCEPTION;
	}
	json_t *empty = json_object();
	bool ok = root && read_message(json_is_null(root) ? empty : root,
				       &otlp__export_trace_service_request__descriptor, &message);
	json_decref(empty);
	json_decref(root);
	if (!ok && message)
		protobuf_c_message_free_unpacked(message, NULL);
	*ret_tree = ok ? (trace_tree *)(void *)message : NULL;
	return ok ? JSON_ACCEPTED : JSON_REFUSED;
}
