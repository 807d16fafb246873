/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form in which example traces are written down: constant tables, one row per span. Each
 * example_<stack>.c holds the tables of one stack; example_traces.c turns them into OTLP.
 */
#ifndef SLUICE_CMD_EXAMPLE_TABLE_H
#define SLUICE_CMD_EXAMPLE_TABLE_H

#include "cmd/example_traces.h"
#include "pipeline/base/compiler.h"
#include "pipeline/trace/value/field_numbers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values beside the plain types vary from trace to trace as the spans themselves do. */
enum example_value {
	EXAMPLE_STR = 0,
	EXAMPLE_INT,
	EXAMPLE_DOUBLE,
	EXAMPLE_BOOL,
	EXAMPLE_STRS,	       /* array of strings */
	EXAMPLE_DOUBLES,       /* array of doubles */
	EXAMPLE_SECONDS,       /* double, varied with the durations */
	EXAMPLE_WHOLE_MS,      /* double that holds whole milliseconds, varied likewise */
	EXAMPLE_PROMPT_TOKENS, /* int, varied, the same on every span of a trace */
	EXAMPLE_OUTPUT_TOKENS, /* int, varied downwards: never above max_tokens */
	EXAMPLE_REQUEST_ID,    /* str: the text, then a UUID made for the trace */
	EXAMPLE_VALUE_COUNT
};

enum { EXAMPLE_ITEMS_MAX = 4 };

struct example_attr {
	const char *key; /* NULL ends the list */
	enum example_value type;
	const char *strings[EXAMPLE_ITEMS_MAX]; /* EXAMPLE_STR, _REQUEST_ID: the first */
	double doubles[EXAMPLE_ITEMS_MAX];	/* EXAMPLE_DOUBLE, _SECONDS, _WHOLE_MS: the first */
	int64_t number;				/* integers, bool; arrays: how many items */
};

/* One row of an attribute list; a list is written ATTRS(STR(…), INT(…), …). */
#define ATTRS(...) ((const struct example_attr[]){__VA_ARGS__, {.key = NULL}})
#define STR(k, v)                                                                                  \
	{                                                                                          \
		.key = (k), .type = EXAMPLE_STR, .strings = {(v) }                                 \
	}
#define INT(k, v)                                                                                  \
	{                                                                                          \
		.key = (k), .type = EXAMPLE_INT, .number = (v)                                     \
	}
#define DOUBLE(k, v)                                                                               \
	{                                                                                          \
		.key = (k), .type = EXAMPLE_DOUBLE, .doubles = {(v) }                              \
	}
#define BOOL(k, v)                                                                                 \
	{                                                                                          \
		.key = (k), .type = EXAMPLE_BOOL, .number = (v)                                    \
	}
#define STRS(k, n, ...)                                                                            \
	{                                                                                          \
		.key = (k), .type = EXAMPLE_STRS, .number = (n), .strings = { __VA_ARGS__ }        \
	}
#define DOUBLES(k, n, ...)                                                                         \
	{                                                                                          \
		.key = (k), .type = EXAMPLE_DOUBLES, .number = (n), .doubles = { __VA_ARGS__ }     \
	}
#define SECONDS(k, v)                                                                              \
	{                                                                                          \
		.key = (k), .type = EXAMPLE_SECONDS, .doubles = {(v) }                             \
	}
#define WHOLE_MS(k, v)                                                                             \
	{                                                                                          \
		.key = (k), .type = EXAMPLE_WHOLE_MS, .doubles = {(v) }                            \
	}
#define PROMPT_TOKENS(k, v)                                                                        \
	{                                                                                          \
		.key = (k), .type = EXAMPLE_PROMPT_TOKENS, .number = (v)                           \
	}
#define OUTPUT_TOKENS(k, v)                                                                        \
	{                                                                                          \
		.key = (k), .type = EXAMPLE_OUTPUT_TOKENS, .number = (v)                           \
	}
#define REQUEST_ID(k, prefix)                                                                      \
	{                                                                                          \
		.key = (k), .type = EXAMPLE_REQUEST_ID, .strings = {(prefix) }                     \
	}

/* Resource attributes of the OpenTelemetry SDK for Python. */
#define PYTHON_SDK                                                                                 \
	STR("telemetry.sdk.language", "python"), STR("telemetry.sdk.name", "opentelemetry"),       \
		STR("telemetry.sdk.version", "1.39.1")

struct example_service {
	const char *schema_url; /* NULL: none */
	const struct example_attr *attrs;
};

struct example_scope {
	const char *name;
	const char *version;		  /* NULL: none */
	const struct example_attr *attrs; /* NULL: none */
};

struct example_event {
	const char *name; /* NULL ends the list */
	const struct example_attr *attrs;
};

/* The events of a span: EVENTS({name, ATTRS(…)}, …). */
#define EVENTS(...) ((const struct example_event[]){__VA_ARGS__, {.name = NULL}})

struct example_span {
	uint8_t parent;	 /* row of the parent, counted from 1; 0: root */
	uint8_t service; /* in example_trace.services */
	uint8_t scope;	 /* in example_trace.scopes */
	enum span_kind kind;
	const char *name;
	uint32_t start_us; /* after the trace's beginning */
	uint32_t duration_us;
	const struct example_attr *attrs; /* NULL: none */
	enum status_code status;
	const char *status_message;	    /* NULL: none */
	const char *exception_type;	    /* NULL: none; else an event, with the status message */
	const struct example_event *events; /* NULL: no others */
};

/* One row: parent, service, scope, kind, name, start and duration in µs, then .attrs = … and what
 * else is set. */
#define SPAN(parent_row, service_at, scope_at, kind_name, name_text, start, duration, ...)         \
	{                                                                                          \
		.parent = (parent_row), .service = (service_at), .scope = (scope_at),              \
		.kind = SPAN_KIND_##kind_name, .name = (name_text), .start_us = (start),           \
		.duration_us = (duration), __VA_ARGS__                                             \
	}

struct example_trace {
	const char *name;
	const char *description;
	const struct example_service *services;
	const struct example_scope *scopes;
	const struct example_span *spans;
	uint8_t service_count, scope_count, span_count;
};

/* Builds a trace of any table; tables whose ids shall differ differ in ${salt}. As
 * example_trace_build otherwise. */
MUST_CHECK int example_table_build(const struct example_trace *trace, uint64_t salt,
				   const struct example_variant *variant, struct budget *budget,
				   struct example_requests *ret_requests, struct err *err);

extern const struct example_trace example_llmd;
extern const struct example_trace example_semantic_router;
extern const struct example_trace example_vllm;
extern const struct example_trace example_rag;
extern const struct example_trace example_scrape;
extern const struct example_trace example_proxied_scrape;

#endif
