/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attribute keys that decide what Langfuse shows, by what they say (their role). Several keys of
 * one role are ranked: Langfuse's own order of preference, and behind it names that it does not
 * read. One pass over a span's attributes gives the best value of every role.
 */
#ifndef SLUICE_PROCESSORS_LANGFUSE_KEYS_H
#define SLUICE_PROCESSORS_LANGFUSE_KEYS_H

#include "pipeline/config/report.h"
#include "pipeline/trace/otlp/edit.h"

enum role {
	ROLE_NONE = 0,
	/* the trace */
	ROLE_TRACE_NAME,
	ROLE_USER,
	ROLE_SESSION,
	ROLE_TAGS,
	ROLE_TRACE_METADATA,
	ROLE_RELEASE,
	ROLE_VERSION,
	ROLE_PUBLIC,
	ROLE_SERVICE_VERSION,
	ROLE_ENVIRONMENT,
	ROLE_SERVICE,
	/* what the span is */
	ROLE_NAME,
	ROLE_TYPE,
	ROLE_OPENINFERENCE_KIND,
	ROLE_OPERATION,
	ROLE_TRACELOOP_KIND,
	ROLE_REQUEST_TYPE, /* by OpenLLMetry and LiteLLM */
	ROLE_MLFLOW_TYPE,
	ROLE_TOOL_NAME,
	ROLE_AI_TOOL_NAME,
	ROLE_AI_OPERATION,
	ROLE_GENKIT_NAME,
	ROLE_LOGFIRE_MESSAGE,
	ROLE_NATIVE_TYPE, /* other keys that decide Langfuse's type */
	ROLE_APP_ROOT,
	ROLE_AS_ROOT,
	/* the model */
	ROLE_MODEL,	   /* that Langfuse reads */
	ROLE_OTHER_MODEL,  /* that it does not */
	ROLE_ROUTED_MODEL, /* that a router chose */
	ROLE_PARAMETERS,
	ROLE_INVOCATION,
	ROLE_MAX_TOKENS, /* from here to SERVICE_TIER: model parameters */
	ROLE_TEMPERATURE,
	ROLE_TOP_P,
	ROLE_TOP_K,
	ROLE_FREQUENCY_PENALTY,
	ROLE_PRESENCE_PENALTY,
	ROLE_SEED,
	ROLE_REASONING_EFFORT,
	ROLE_SERVICE_TIER,
	/* one call, whoever tells of it */
	ROLE_RESPONSE_ID,
	ROLE_REQUEST_ID,
	/* tokens and money */
	ROLE_USAGE_DETAILS,
	ROLE_INPUT, /* from here to REASONING: in the order of enum usage_bucket, then total */
	ROLE_OUTPUT,
	ROLE_CACHED,
	ROLE_CACHE_CREATION,
	ROLE_REASONING,
	ROLE_TOTAL,
	ROLE_USAGE_JSON,
	ROLE_COST_DETAILS,
	ROLE_COST,
	ROLE_COST_INPUT,
	ROLE_COST_OUTPUT,
	ROLE_COST_JSON,
	/* time */
	ROLE_COMPLETION_START,
	ROLE_NATIVE_FIRST_CHUNK,
	ROLE_FIRST_TOKEN,
	ROLE_E2E,
	/* prompts */
	ROLE_PROMPT_NAME,
	ROLE_PROMPT_VERSION,
	ROLE_RENAMED, /* keys that move to their place among the metadata */
	ROLE_COUNT
};

/* Properties of a key, beside its role. */
enum key_flag {
	KEY_NAMES_MODEL = 1 << 0, /* alone, it makes Langfuse take a span for a generation */
	KEY_USAGE = 1 << 1,	  /* counts tokens */
	KEY_COST = 1 << 2,	  /* counts money */
	KEY_ANSWER = 1 << 3,	  /* a model's answer, among whose fields tokens are counted */
	KEY_UNREAD = 1 << 4,	  /* Langfuse does not read it: it is said in its words, too */
};

/* Ranks of ROLE_USAGE_JSON: each has fields of its own. */
enum usage_json { USAGE_JSON_MLFLOW, USAGE_JSON_GENKIT, USAGE_JSON_AI_SDK, USAGE_JSON_ADK };

struct key_row {
	const char *text;
	uint8_t role, rank; /* enum role; the lowest rank present wins */
	uint8_t flags;	    /* enum key_flag */
	const char *to;	    /* its place among the metadata, where it has one */
};

enum { KEY_ROWS_MAX = 224 };

struct keys {
	uint8_t row_of[KEY_ID_COUNT]; /* by key id, sets of patterns too: row + 1, or 0 */
	/* by row */
	struct slice texts[KEY_ROWS_MAX];
	key_id ids[KEY_ROWS_MAX], place_ids[KEY_ROWS_MAX];
	uint8_t first_row[ROLE_COUNT];
};

/* The rows, for documents and tests. */
const struct key_row *keys_rows(size_t *ret_count);

/* Registers all keys. False when a problem was reported. */
bool keys_register(struct keys *keys, struct key_table *table, const char *path,
		   struct config_report *report);

/* What one element's attributes say. */
struct span_roles {
	uint64_t present;	  /* bit per role */
	uint8_t flags;		  /* OR of the key flags */
	bool structured;	  /* arrays, maps or bytes are among the values */
	bool trace_metadata;	  /* keys below langfuse.trace.metadata. or langfuse.metadata. */
	uint8_t rank[ROLE_COUNT]; /* where present: which key of the role */
	uint32_t at[ROLE_COUNT];  /* where present: see view_value_at */
	const struct trace_view *view;
	struct owner owner;
};

_Static_assert(ROLE_COUNT <= 64, "span_roles.present");

static inline bool roles_has(const struct span_roles *roles, enum role role)
{
	return roles->present >> role & 1;
}

/* The value of a role that is present. */
static inline struct value roles_value(const struct span_roles *roles, enum role role)
{
	return view_value_at(roles->view, roles->owner, roles->at[role]);
}

/* The text of a role: empty unless it is a string. */
static inline struct slice roles_text(const struct span_roles *roles, enum role role)
{
	struct value value = {.type = VALUE_EMPTY};
	if (roles_has(roles, role))
		value = roles_value(roles, role);
	return value.type == VALUE_STRING ? value.bytes : (struct slice){NULL, 0};
}

/* Reads the live attributes of ${owner}. */
void keys_roles(const struct keys *keys, const struct trace_view *view, struct owner owner,
		struct span_roles *ret_roles);

/* The row of a registered key; NULL for all others. */
const struct key_row *keys_row(const struct keys *keys, key_id id);

/* The key among the metadata for what the row's key says: from the table, or, for tokens and costs,
 * the one where they stand that are counted elsewhere. KEY_ID_NONE: there is none. */
key_id keys_place(const struct keys *keys, const struct key_row *row);

/* The name of one entry of the trace's metadata whose key ${key} is; empty for other keys. */
struct slice keys_metadata_entry(struct slice key);
static inline struct slice keys_trace_metadata(key_id id, struct slice key)
{
	if (key_id_is_exact(id) || key.len == 0 || key.ptr[0] != 'l')
		return (struct slice){NULL, 0};
	return keys_metadata_entry(key);
}

/* The id of the key of ${role} and ${rank}. */
key_id keys_id(const struct keys *keys, enum role role, uint8_t rank);

/* Sets the key of ${role} and ${rank} on ${owner}. */
void keys_set(const struct keys *keys, struct trace_view *view, struct owner owner, enum role role,
	      uint8_t rank, struct value value);

/* A number from a value of any sensible type; false when it is none. */
bool value_as_double(struct value value, double *ret_number);
bool value_as_count(struct value value, uint64_t *ret_count);

#endif
