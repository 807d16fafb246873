/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of processors/langfuse/ alone.
 *
 * A run looks at every span twice. First all spans are read: what each one is, what it says about
 * its trace. Then, with the trace's facts completed by the trace memory, each span is rewritten.
 */
#ifndef SLUICE_PROCESSORS_LANGFUSE_INTERNAL_H
#define SLUICE_PROCESSORS_LANGFUSE_INTERNAL_H

#include "pipeline/graph/component.h"
#include "pipeline/trace/otlp/span_map.h"
#include "processors/langfuse/buckets.h"
#include "processors/langfuse/keys.h"
#include "processors/langfuse/usage.h"

/* Langfuse's observation types, and what none of its rules decides. */
enum observation_type {
	TYPE_UNSAID = 0, /* no rule applies: Langfuse makes it a span */
	TYPE_NATIVE,	 /* a rule of Langfuse's that is not repeated here applies */
	TYPE_SPAN,
	TYPE_GENERATION,
	TYPE_EVENT,
	TYPE_EMBEDDING,
	TYPE_AGENT,
	TYPE_TOOL,
	TYPE_CHAIN,
	TYPE_RETRIEVER,
	TYPE_GUARDRAIL,
	TYPE_EVALUATOR,
	TYPE_COUNT
};

/* What a span is in an LLM-serving stack. */
enum span_class {
	CLASS_PLAIN = 0,
	CLASS_ROUTING,	 /* a gateway, router or scheduler that names the model it chose */
	CLASS_ENGINE,	 /* the model server itself: its tokens are the truth */
	CLASS_CALL,	 /* an application's call of a model */
	CLASS_AGGREGATE, /* a workflow or agent: its usage sums up what is below it */
};

enum note_flag {
	NOTE_USAGE = 1 << 0,		 /* tokens or cost are on it */
	NOTE_PREFILL = 1 << 1,		 /* prefill leg of a disaggregated request */
	NOTE_COUNTED_ELSEWHERE = 1 << 2, /* its usage is counted on another span */
	NOTE_MATCHED = 1 << 3,		 /* who else tells of its call is known */
	NOTE_MODEL = 1 << 4,		 /* has a model of its own */
	NOTE_REWRITE = 1 << 5,		 /* something on it has to be changed */
	NOTE_SHORT = 1 << 6,	    /* an engine span of at most one token, without max_tokens */
	NOTE_SPAN_TYPE = 1 << 7,    /* nothing but its type has to be written: a plain span */
	NOTE_ROOT = 1 << 8,	    /* all its ancestors were dropped */
	NOTE_SETTLED = 1 << 9,	    /* its usage is said to Langfuse: it stays and counts */
	NOTE_AS_ROOT = 1 << 10,	    /* it says that it is a root, and has a parent */
	NOTE_COST = 1 << 11,	    /* it knows what the call cost */
	NOTE_FIRM_BELOW = 1 << 12,  /* somebody below it knows what the same call cost */
	NOTE_DECIDED = 1 << 13,	    /* whether it counts is known */
	NOTE_BOUNDARY = 1 << 14,    /* an agent, a tool: what is below it is another call */
	NOTE_SAME_PROMPT = 1 << 15, /* the prompt was counted with another choice of the request */
	NOTE_ONE_TOKEN = 1 << 16, /* an engine span that was allowed one token, and told no more */
};

/* What the first look at a span left. */
struct span_note {
	uint32_t group;		 /* of its trace */
	uint16_t own_facts;	 /* bit per enum trace_fact: the span says it itself */
	uint8_t class;		 /* enum span_class */
	uint8_t model_rank;	 /* of the model that it names for others; 0: it names none */
	uint32_t flags;		 /* enum note_flag */
	uint32_t model_at;	 /* where that model stands: view_value_at */
	uint64_t call;		 /* name of its call (enum note_kind); 0: it has none */
	uint64_t first_token_ns; /* Unix epoch; 0: not known */
};

/* One trace of a request. */
struct trace_group {
	struct trace_facts facts;
	uint32_t first;	     /* a span of it */
	uint32_t resource;   /* whose facts were added last, + 1 */
	uint32_t roots_made; /* spans of it whose ancestors are all dropped */
	uint16_t known;	     /* bit per enum trace_fact: what its spans are told */
	bool root_seen;	     /* its root is in this request, kept or dropped */
	bool waits_for_root; /* wait_for_root: the root has not come */
	bool routed, called; /* a router of it named a model; an application's call did */
};

struct model_name {
	struct slice service, model;
};

struct name_list {
	struct slice *at;
	size_t count;
};

enum { TRACE_NAME_BYTES_MAX = 200 }; /* Langfuse drops a trace whose name is over 1000 characters */

enum langfuse_count {
	COUNT_BAD_IDS = 0,
	COUNT_MODEL_FROM_TRACE,
	COUNT_MODEL_FROM_CONFIG,
	COUNT_MODEL_UNKNOWN,
	COUNT_MODEL_AMBIGUOUS,
	COUNT_PREFILL,
	COUNT_USAGE_ELSEWHERE,
	COUNT_PRICED,
	COUNT_NOT_CONVERTED,
	COUNT_SAME_PROMPT,
	COUNT_COUNT
};

/* What is counted, by enum langfuse_count. */
struct langfuse_decision {
	const char *name, *meaning;
};
extern const struct langfuse_decision langfuse_decisions[COUNT_COUNT];

struct langfuse {
	struct log log;
	struct budget *budget;
	struct trace_memory *memory;
	uint32_t client;
	struct keys keys;
	struct model_name *models; /* by service.name */
	size_t model_count;
	struct price *prices; /* first match wins */
	size_t price_count;
	struct priced_model *priced; /* the setting priced_buckets; first match wins */
	size_t priced_count;
	struct name_list routing_scopes, routing_names; /* beside the built-in ones */
	uint64_t join_wait_ns;
	bool keep_zero_cost, wait_for_root;
	struct hash_key hash; /* of notes: the same for all shards */
	struct model_ids *model_ids;
	_Atomic bool drops_seen; /* some span was dropped before it came here */
	struct counter counts[COUNT_COUNT];
	uint64_t reported_unknown; /* main thread */
};

/* What the spans of one resource share, for the run. */
struct resource_roles {
	struct slice service, model, version;
	struct span_roles roles; /* its attributes under the same roles */
	bool has_facts;
};

/* Scratch of one shard. */
struct scratch {
	struct budget *budget;
	struct arena arena; /* of one run */
	struct span_map map;
	struct buf text; /* JSON being written */
	struct hash_key hash;
};

/* One request on its way. */
struct run {
	struct langfuse *self;
	struct scratch *scratch;
	struct trace_view *view;
	struct span_note *notes;    /* per span */
	struct trace_group *groups; /* per trace */
	uint32_t *group_slots;	    /* index of a group + 1 by trace id */
	uint64_t group_slot_mask;
	uint32_t group_count;
	struct trace_group *last_group;	  /* found; NULL: none yet */
	struct resource_roles *resources; /* per resource */
	uint8_t *scope_classes;		  /* enum span_class + 1 per scope; 0: not looked at */
	bool parents_matter;		  /* usage, prefill legs or models depend on ancestors */
	uint32_t *tellers;		  /* spans that tell the tokens of a call (calls.c) */
	uint32_t teller_count;
	bool mapped;			/* the span map is this request's */
	bool asks;			/* notes of earlier requests matter */
	struct subtree_model *subtrees; /* per span; NULL: not needed */
	bool joins;			/* there are engine spans that name no model */
	uint32_t counts[COUNT_COUNT];
};

static inline struct owner span_owner(uint32_t span)
{
	return (struct owner){OWNER_SPAN, span};
}

/* Of a live span: spans without ids went first. */
static inline struct slice run_trace_id(const struct run *run, uint32_t span)
{
	return view_span_trace_id(run->view, span);
}

/* What the trace memory knows the trace of ${span} by. */
static inline struct trace_key run_trace_key(const struct run *run, uint32_t span)
{
	return (struct trace_key){run->self->client, run_trace_id(run, span)};
}

static inline struct slice run_scope_name(const struct run *run, uint32_t span)
{
	return view_scope_name(run->view, view_span_scope(run->view, span));
}

static inline struct resource_roles *run_resource(const struct run *run, uint32_t span)
{
	return &run->resources[view_span_resource(run->view, span)];
}

/* ---- reading.c ---- */

/* Of a span or trace id: 8 or 16 bytes, or none. */
static inline bool reading_is_zero(struct slice id)
{
	uint64_t all = 0;
	for (size_t i = 0; i + sizeof(all) <= id.len; i += sizeof(all))
		all |= hash_read64(id.ptr + i);
	return all == 0;
}

/* Reads a resource, a live span, a dropped one. Resources first. */
void reading_resource(struct run *run, uint32_t at);
void reading_span(struct run *run, uint32_t span);
void reading_dropped(struct run *run, uint32_t span);

/* ---- waits.c ---- */

/* Holds spans back that another request may say more about: of model servers, or all below a root that
 * has not come (wait_for_root). */
void waits_hold_back(struct run *run);

/* What is known of what held spans of the trace wait for (hold_ops): a model, a prefill leg, calls that
 * count; or the root. Any thread. */
uint64_t waits_known(void *self, struct slice trace_id);

/* ---- traces.c ---- */

/* The group of the trace of ${span}, made when it is the first of its trace; NULL: no memory. */
struct trace_group *traces_group(struct run *run, uint32_t span);

/* Adds what ${roles} says about the trace to ${group}; returns which facts, as bits. The model that
 * a span names for others is left in ${note}; NULL: it is none. */
uint16_t traces_note(struct run *run, struct trace_group *group, struct span_note *note,
		     const struct span_roles *roles, enum span_class class);

/* Adds what the resource of the root ${span} says of the whole trace: its version. */
void traces_note_root(struct run *run, struct trace_group *group, uint32_t span);

/* The same of a root that was dropped, whose name is the trace's. */
void traces_note_dropped_root(struct run *run, struct trace_group *group, uint32_t span);

/* The tags in ${value} (list, JSON list, or text with commas) as the content of an ArrayValue: each
 * once, trimmed, none empty. In the run's arena; empty when there are none. */
struct slice traces_tags(struct run *run, struct value value);

/* ${text} cut to at most ${bytes_max} bytes, between two characters. */
struct slice traces_cut(struct slice text, size_t bytes_max);

/* Completes all groups from the memory, and the memory from them. */
void traces_exchange(struct run *run);

/* Gives ${span} the facts of its trace that it does not say itself. */
void traces_spread(struct run *run, uint32_t span);

/* ---- classify.c ---- */

enum span_class classify(struct run *run, uint32_t span, const struct span_roles *roles);

/* The type by Langfuse's rules; *ret_explicit: not by itself, it has to be written. */
enum observation_type observation_type(const struct span_roles *roles, enum span_class class,
				       bool *ret_explicit);
const char *observation_type_name(enum observation_type type);

/* Whether the span shows that prefill and decode of the request may have run in different places. */
bool classify_disaggregated(const struct run *run, uint32_t span);

/* ---- calls.c ---- */

/* Kinds of notes in the trace memory. */
enum note_kind {
	NOTE_KIND_BELOW_ANY = 1, /* by span: something below it counts */
	NOTE_KIND_BELOW_CALL,	 /* by span: another teller of the same call, below it, counts */
	NOTE_KIND_INSIDE,	 /* by span: it is the counted teller of a call, or below it */
	NOTE_KIND_PROMPT,	 /* by parent and request id: who counts the prompt */
	NOTE_KIND_ANSWER,	 /* by response id: who counts the call */
	NOTE_KIND_MODEL,	 /* by span: the model for what is below it */
	NOTE_KIND_COUNTED,	 /* of the trace: something counts */
	NOTE_KIND_ROOT,		 /* of the trace: its root has come */
};
uint64_t calls_name(const struct langfuse *self, enum note_kind kind, struct slice id,
		    struct slice more);

/* Whether notes of earlier requests may say something about calls of this one. */
bool calls_ask(const struct run *run);

/* Decides whose usage counts and which engine spans are prefill legs; holds aggregates back that
 * nothing is known for yet. Uses the span map when parents matter. */
void calls_settle(struct run *run);

/* ---- models.c ---- */

/* What the subtree of a span says of its model. */
struct subtree_model {
	struct slice model;
	uint8_t rank; /* 0: nothing */
	bool conflict;
};

/* Whether some trace of the request names several models, so that who hangs below whom matters. */
bool models_need_map(const struct run *run);

/* Tells every span what its subtree says. After the span map is built. */
MUST_CHECK int models_spread(struct run *run, struct err *err);

MUST_CHECK struct model_ids *model_ids_new(void);
void model_ids_free(struct model_ids *ids);

/* Remembers which models the routers of this request named, for spans below them in later requests. */
void models_remember(struct run *run);

/* The model of an engine span that names none: of its resource, of its nearest ancestor that knows
 * one, of its trace; empty when nobody knows. *ret_ambiguous: the trace names several. Uses the span
 * map when the trace names several. */
struct slice models_of(const struct run *run, uint32_t span, bool *ret_ambiguous);

/* ---- relations.c ---- */

/* What depends on other spans: calls, and what became of dropped parents. */
MUST_CHECK int relations_settle(struct run *run, struct err *err);

/* ---- rewrite.c ---- */

void rewrite_span(struct run *run, uint32_t span);

/* ---- config.c ---- */
extern const struct config_block langfuse_block;
bool langfuse_configure(struct langfuse *self, const struct component_env *env, const void *config,
			struct config_report *report);
const struct trace_memory_limits *langfuse_memory_limits(const void *config);

#endif
