/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The component contract: everything that a receiver, processor, exporter, connector or extension is
 * to the rest of the program. A component is a folder named after its config type; its main file ends in
 * one const struct component_type, its only export, and pipeline/graph/components.def has its line.
 *
 * Life:  create → (per shard: shard_new) → start → hot path … → drain/stop → shard_free → destroy
 *   create      main thread, no loop runs yet. May register keys, parse conditions, report problems
 *               with their places. Opens nothing but files: `sluice validate` runs it, too.
 *   start       main thread, before the loops run. Opens sockets and files.
 *   hot path    on the thread named beside each slot; never blocks.
 *   destroy     main thread, after the loops have ended. Accepts half-built objects.
 *
 * The host does the bookkeeping: it counts spans into and out of every stage and each outcome of an
 * export, so a component cannot forget to. Optional slots are NULL.
 */
#ifndef SLUICE_GRAPH_COMPONENT_H
#define SLUICE_GRAPH_COMPONENT_H

#include "pipeline/base/arena.h"
#include "pipeline/base/error.h"
#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/base/outcome.h"
#include "pipeline/config/bind.h"
#include "pipeline/delivery/export.h"
#include "pipeline/net/auth_settings.h"
#include "pipeline/net/server.h"
#include "pipeline/trace/keys/key_table.h"
#include "pipeline/trace/memory/trace_memory.h"
#include "pipeline/trace/otlp/edit.h"

struct graph;
struct receiver_port;

enum component_kind {
	COMPONENT_RECEIVER = 0,
	COMPONENT_PROCESSOR,
	COMPONENT_EXPORTER,
	COMPONENT_CONNECTOR,
	COMPONENT_EXTENSION,
	COMPONENT_KIND_COUNT
};

/* What the host lends to an instance at its creation. Everything outlives the instance. */
struct component_env {
	const char *id;		 /* "filter/drop-metrics-scraping" */
	const char *path;	 /* "processors.filter/drop-metrics-scraping", for problems */
	struct log log;		 /* speaks with this component's id */
	struct metrics *metrics; /* register counters while creating */
	struct budget *budget;	 /* the process's byte budget */
	struct key_table *keys;	 /* register attribute keys while creating */
	struct arena *arena;	 /* memory for the life of the graph */
	struct trace_memory
		*memory;	   /* facts that cross requests: trace_memory_join while creating */
	const struct graph *graph; /* for the look-ups of authenticators, below; may be NULL */
};

/* ---- receivers ------------------------------------------------------------------------------ */

/* How a push ended for the sender. OUTCOME_REJECTED: err says why. */
struct push_result {
	enum outcome outcome;
	uint64_t retry_after_ns; /* OUTCOME_RETRY: until it is this sender's turn; 0: no hint */
	uint64_t room_after_ns;	 /* …until whoever comes first may be taken: no more than that */
	int grpc_code;	/* unless taken: what a backend answered, in gRPC's terms; 0: none did */
	struct err err; /* unless taken: no text from a peer */
	uint32_t span_count; /* of the request, when it could be indexed */
};

/* One request on its way. Embed it; it belongs to the host from receiver_push until done, which is
 * called exactly once, on the shard's thread, perhaps before receiver_push returns. */
struct push {
	void (*done)(struct push *push, const struct push_result *result);
};

/* Gives one OTLP/protobuf request to every pipeline of the receiver. The host takes its own
 * reference to ${body} if it keeps it. Shard's thread. ${transport} is "grpc" or "http". */
enum push_transport { PUSH_GRPC = 0, PUSH_HTTP, PUSH_TRANSPORT_COUNT };
void receiver_push(struct receiver_port *port, struct server_shard *shard,
		   enum push_transport transport, struct chunk *body, struct push *push);

/* For requests that the receiver answers itself and never pushes: one of no bytes, one that was
 * complete when its sender no longer waited, and one that could not be made OTLP/protobuf, or not be
 * taken, because of ${why}. */
void receiver_count_empty(struct receiver_port *port);
void receiver_count_late(struct receiver_port *port);

/* For ${fields} that the receiver left out of a request with ${span_count} spans, because OTLP does
 * not have them. */
void receiver_count_unknown(struct receiver_port *port, uint64_t fields, uint32_t span_count);
void receiver_count_refused(struct receiver_port *port, const struct err *why);

/* What a receiver gets at start. */
struct receiver_host {
	struct receiver_port *port;
	struct loop *accept_loop; /* the main thread's */
	struct server_shard *shards;
	size_t shard_count;
};

struct receiver_ops {
	void *(*create)(const struct component_env *env, const void *config,
			struct config_report *report);
	int (*start)(void *self, const struct receiver_host *host, struct err *err);
	/* Main loop: take nothing new, finish what is in flight, then call ${drained} there. */
	void (*drain)(void *self, void (*drained)(void *arg), void *arg);
	void (*abort)(void *self); /* main loop: cut what is still open; drained is called then */
	void (*destroy)(void *self);
	/* The ports bound, as "4317 4318" in ${out}: for the ready line and for tests. */
	void (*describe)(const void *self, struct buf *out);
};

/* ---- processors ----------------------------------------------------------------------------- */

/* What the graph carries out itself, before, between or behind the processors of a pipeline. A
 * processor with a feature is its settings, checked and named: the graph reads them from what `create`
 * returned. */
enum graph_feature {
	GRAPH_NO_FEATURE = 0,
	GRAPH_BATCH,	    /* struct batching */
	GRAPH_MEMORY_LIMIT, /* struct memory_limit, see memory_limit.h */
};

/* GRAPH_BATCH: how the output of what stands before it is grouped; 0 means no bound. */
struct batching {
	uint32_t spans_min; /* send when so many have gathered */
	uint32_t spans_max; /* never more in one request */
	size_t bytes_min, bytes_max;
	uint64_t timeout_ns; /* send what has gathered after this; 0: at once */
};

/* Which text a processor may add to a request: what service.policies has to know of it. */
enum added_content {
	ADDS_ANYTHING = 0, /* not declared: it must not follow a policy */
	ADDS_NOTHING,	   /* none but what the request has, or the configuration says */
	ADDS_REMEMBERED, /* what requests of the same trace had: it should stand before a policy */
};

/* Of a processor that holds spans back (edit_hold_span) until another request of their trace has
 * come. Held spans come again to process, alone; when the time is over view_holding says so. */
struct hold_ops {
	/* For how long at most; 0: not with this configuration. */
	uint64_t (*wait_ns)(const void *self);
	/* What is known about the trace, in a word that differs when something has come that its held
	 * spans may wait for; 0: nothing is. They run again when it differs from what it was before
	 * they ran last. Any thread, often. */
	uint64_t (*known)(void *self, struct slice trace_id);
	/* When what waits has used up its room, spans pass (HOLDING_NO_ROOM); else their sender is
	 * pushed back. A request that is begun with room left is held whole. */
	bool pass_when_full;
};

struct processor_ops {
	void *(*create)(const struct component_env *env, const void *config,
			struct config_report *report);
	/* Scratch of one shard; NULL slot: state is NULL. NULL return: out of memory. */
	void *(*shard_new)(void *self);
	void (*shard_free)(void *state);
	/* Edits the request. Shard's thread; several shards at once, each with its own state. */
	enum outcome (*process)(void *self, void *state, struct trace_view *view, struct err *err);
	/* Main loop, every 10 s: write a line if something is worth saying. */
	void (*report)(void *self);
	/* What `sluice validate` warns about. */
	void (*lint)(void *self, struct config_report *report);
	void (*destroy)(void *self);

	/* ---- capabilities: what the graph can rely on, or has to provide for ---- */

	enum graph_feature feature;
	enum added_content adds;
	/* Gives what is under one key to another, with this configuration: in front of a policy, which
	 * judges by the key, it must not. NULL slot: never. */
	bool (*moves_values)(const void *self);
	/* It is a policy, which service.policies may name: whether it is at work, not only counting. */
	bool (*enforces)(const void *self);
	/* Learns from spans that earlier processors have dropped: is called with requests of which
	 * nothing is left, too. */
	bool sees_dropped;
	/* NULL: it never holds spans back. */
	const struct hold_ops *holds;
};

/* ---- exporters ------------------------------------------------------------------------------ */

struct exporter_ops {
	void *(*create)(const struct component_env *env, const void *config,
			struct config_report *report);
	/* Queue, retry and time-out settings inside the config (DELIVERY_FIELDS). */
	const struct delivery_config *(*delivery)(const void *config);
	/* ${loop} is the exporter's home: send, cancel and stop are called on its thread. */
	int (*start)(void *self, struct loop *loop, struct err *err);
	/* One attempt to deliver call->batch. Ends in exactly one export_done, now or later. */
	void (*send)(void *self, struct export_call *call);
	/* Give up: export_done must follow before this returns. NULL slot: attempts are short. */
	void (*cancel)(void *self, struct export_call *call);
	void (*stop)(void *self); /* home loop: close everything that is on the loop */
	/* Appends where it sends to, as labels of the metrics of what was sent (server_address …).
	 * NULL slot: nowhere that could be named. */
	void (*target)(const void *self, struct buf *labels);
	void (*destroy)(void *self);
};

/* ---- connectors -----------------------------------------------------------------------------
 *
 * An exporter of some pipelines and a receiver of others. The host hands each request on as it
 * reaches the connector (connect.c), so one that passes everything on needs no function at all.
 */

/* ---- extensions ----------------------------------------------------------------------------- */

struct extension_host {
	struct loop *loop;	    /* the main thread's */
	struct server_shard *shard; /* a shard on that loop, for small HTTP servers */
};

struct extension_ops {
	void *(*create)(const struct component_env *env, const void *config,
			struct config_report *report);
	int (*start)(void *self, const struct extension_host *host, struct err *err);
	void (*ready)(void *self, bool ready); /* main loop: the pipelines run, or end now */
	void (*stop)(void *self);	       /* main loop */
	void (*destroy)(void *self);

	/* ---- authenticators: what it is with its configuration, from create to destroy; NULL slot,
	 * or NULL: nothing of the kind ---- */

	const struct server_authenticator *(*server_authenticator)(void *self);
	const struct client_authenticator *(*client_authenticator)(void *self);
};

/* The authenticator that ${settings} name, for a receiver's server or an exporter's client while it is
 * created. ${path} is that of the block. NULL with the problem in ${report}, in the Collector's words:
 * there is none of the name in service.extensions, or it is not for this side. */
MUST_CHECK const struct server_authenticator *
component_server_authenticator(const struct component_env *env,
			       const struct auth_settings *settings, const char *path,
			       struct config_report *report);
MUST_CHECK const struct client_authenticator *
component_client_authenticator(const struct component_env *env,
			       const struct auth_settings *settings, bool is_grpc, const char *path,
			       struct config_report *report);

/* ---- addresses ------------------------------------------------------------------------------ */

/* Where an instance listens or what it sends to. Texts are the configuration's. */
struct component_address {
	const char *key;       /* of the configuration, for problems: "protocols.grpc.endpoint" */
	const char *endpoint;  /* "" for none */
	const char *transport; /* receivers and extensions: "tcp", "unix" … */
	uint16_t default_port; /* exporters: of an endpoint that names none */
};

typedef void component_visit_address(void *arg, const struct component_address *address);

/* ---- the descriptor ------------------------------------------------------------------------- */

enum { COMPONENT_NAMES_MAX = 3 };

struct component_type {
	enum component_kind kind;
	const char *names[COMPONENT_NAMES_MAX]; /* config type first, then aliases */
	const char *summary;			/* one line */
	const struct config_block *config;
	const struct metric_table *metrics; /* of each instance; NULL: it has none */
	/* Calls ${visit} with each address that a receiver or an extension with ${config} listens at,
	 * or that an exporter sends to: the host checks them before anything starts. May be NULL. */
	void (*addresses)(const void *config, component_visit_address *visit, void *arg);
	const struct receiver_ops *receiver; /* the one of kind is set; connectors have none */
	const struct processor_ops *processor;
	const struct exporter_ops *exporter;
	const struct extension_ops *extension;
};

/* All components of this build, in the order of components.def. */
const struct component_type *const *component_list(size_t *ret_count);

/* Makes an instance and registers its metrics. NULL after a problem was reported, or when memory is
 * short. */
void *component_create(const struct component_type *type, const struct component_env *env,
		       const void *config, struct config_report *report);

/* The component of ${kind} that goes by ${name} (type or alias); NULL when there is none. */
const struct component_type *component_find(enum component_kind kind, const char *name);

#endif
