/* SPDX-License-Identifier: Apache-2.0 */
/* Field numbers of opentelemetry-proto 1.11 that the trace model reads (names as in the .proto). */
#ifndef SLUICE_TRACE_VALUE_FIELD_NUMBERS_H
#define SLUICE_TRACE_VALUE_FIELD_NUMBERS_H

enum otlp_export_request_field { EXPORT_REQUEST_RESOURCE_SPANS = 1 };

enum otlp_export_response_field { EXPORT_RESPONSE_PARTIAL_SUCCESS = 1 };

enum otlp_partial_success_field {
	PARTIAL_SUCCESS_REJECTED_SPANS = 1,
	PARTIAL_SUCCESS_ERROR_MESSAGE = 2,
};

enum otlp_resource_spans_field {
	RESOURCE_SPANS_RESOURCE = 1,
	RESOURCE_SPANS_SCOPE_SPANS = 2,
	RESOURCE_SPANS_SCHEMA_URL = 3,
	RESOURCE_SPANS_DEPRECATED_ILS = 1000, /* InstrumentationLibrarySpans of old senders */
};

enum otlp_resource_field {
	RESOURCE_ATTRIBUTES = 1,
	RESOURCE_DROPPED_ATTRIBUTES_COUNT = 2,
	RESOURCE_ENTITY_REFS = 3,
};

enum otlp_entity_ref_field {
	ENTITY_REF_SCHEMA_URL = 1,
	ENTITY_REF_TYPE = 2,
	ENTITY_REF_ID_KEYS = 3,
	ENTITY_REF_DESCRIPTION_KEYS = 4,
};

enum otlp_scope_spans_field {
	SCOPE_SPANS_SCOPE = 1,
	SCOPE_SPANS_SPANS = 2,
	SCOPE_SPANS_SCHEMA_URL = 3,
};

enum otlp_scope_field {
	SCOPE_NAME = 1,
	SCOPE_VERSION = 2,
	SCOPE_ATTRIBUTES = 3,
	SCOPE_DROPPED_ATTRIBUTES_COUNT = 4,
};

enum otlp_span_field {
	SPAN_TRACE_ID = 1,
	SPAN_SPAN_ID = 2,
	SPAN_TRACE_STATE = 3,
	SPAN_PARENT_SPAN_ID = 4,
	SPAN_NAME = 5,
	SPAN_KIND = 6,
	SPAN_START_TIME_UNIX_NANO = 7, /* fixed64 */
	SPAN_END_TIME_UNIX_NANO = 8,   /* fixed64 */
	SPAN_ATTRIBUTES = 9,
	SPAN_DROPPED_ATTRIBUTES_COUNT = 10,
	SPAN_EVENTS = 11,
	SPAN_DROPPED_EVENTS_COUNT = 12,
	SPAN_LINKS = 13,
	SPAN_DROPPED_LINKS_COUNT = 14,
	SPAN_STATUS = 15,
	SPAN_FLAGS = 16, /* fixed32 */
};

enum otlp_event_field {
	EVENT_TIME_UNIX_NANO = 1, /* fixed64 */
	EVENT_NAME = 2,
	EVENT_ATTRIBUTES = 3,
	EVENT_DROPPED_ATTRIBUTES_COUNT = 4,
};

enum otlp_link_field {
	LINK_TRACE_ID = 1,
	LINK_SPAN_ID = 2,
	LINK_TRACE_STATE = 3,
	LINK_ATTRIBUTES = 4,
	LINK_DROPPED_ATTRIBUTES_COUNT = 5,
	LINK_FLAGS = 6, /* fixed32 */
};

enum otlp_status_field { STATUS_MESSAGE = 2, STATUS_CODE = 3 };

enum otlp_key_value_field { KEY_VALUE_KEY = 1, KEY_VALUE_VALUE = 2 };

enum otlp_any_value_field {
	ANY_VALUE_STRING = 1,
	ANY_VALUE_BOOL = 2,
	ANY_VALUE_INT = 3,
	ANY_VALUE_DOUBLE = 4, /* fixed64 */
	ANY_VALUE_ARRAY = 5,
	ANY_VALUE_KVLIST = 6,
	ANY_VALUE_BYTES = 7,
};

enum otlp_array_value_field { ARRAY_VALUE_VALUES = 1 };
enum otlp_kvlist_value_field { KVLIST_VALUES = 1 };

enum { TRACE_ID_BYTES = 16, SPAN_ID_BYTES = 8 };

enum span_kind {
	SPAN_KIND_UNSPECIFIED = 0,
	SPAN_KIND_INTERNAL,
	SPAN_KIND_SERVER,
	SPAN_KIND_CLIENT,
	SPAN_KIND_PRODUCER,
	SPAN_KIND_CONSUMER,
};

enum status_code { STATUS_CODE_UNSET = 0, STATUS_CODE_OK, STATUS_CODE_ERROR };

#endif
