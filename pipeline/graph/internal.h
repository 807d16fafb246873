/* SPDX-License-Identifier: Apache-2.0 */
/* The graph's own structures. For pipeline/graph/ and its tests alone. */
#ifndef SLUICE_GRAPH_INTERNAL_H
#define SLUICE_GRAPH_INTERNAL_H

#include "pipeline/delivery/assembler.h"
#include "pipeline/delivery/sender.h"
#include "pipeline/graph/component.h"
#include "pipeline/graph/graph.h"

/* An instance of a component, whatever its kind. Immutable after graph_new, but for `self`'s own. */
struct node {
	const struct component_type *type;
	const char *id, *path;
	void *config; /* bound struct of the type's block */
	void *self;   /* NULL: not built (unused), or create failed */
	struct log log;
	bool started;
};

struct exporter_node {
	struct node node;
	struct sender *sender;
	struct loop *home; /* a shard's loop, set at start */
	struct loop_task abort_task, stop_task;
};

/* A processor in one pipeline: processors are made per pipeline, as in the Collector. */
struct processor_node {
	struct node node;
	void **shard_states;	   /* one per shard */
	struct waiting_room *room; /* of spans that it holds back; NULL: it holds none */
	struct counter incoming, outgoing;
};

/* What the pipelines that have it as exporter leave goes on to those that have it as receiver. */
struct connector_node {
	struct node node;
	struct pipeline **to;
	size_t to_count;
};

/* Exporters of one pipeline that want the same batches. Bit i of a taker set is members[i]. */
struct group {
	struct exporter_node **members;
	size_t member_count;
	struct assembler *assembler;
	struct assembler_config config;
	struct loop *home;
	struct loop_task stop_task;
};

/* A run of processors that ends in groups and connectors, or in a holder that feeds the next stage. */
struct stage {
	struct processor_node *processors;
	size_t processor_count;
	struct holder *holder; /* NULL: the groups and connectors of the pipeline follow */
	struct loop *holder_home;
	struct loop_task abort_task, stop_task;
};

struct pipeline {
	const char *id;
	struct graph *graph;
	struct processor_node *processors; /* all, in order; a batch among them may be half-made */
	size_t processor_count;
	struct stage *stages; /* runs of the processors between batches */
	size_t stage_count;
	struct group *groups;
	size_t group_count;
	struct connector_node **connectors; /* among its exporters */
	size_t connector_count;
	struct batching batching; /* of a batch processor at the end; all 0: none */
	const char *batch_id;	  /* that processor's id; NULL: none */
};

enum refusal {
	REFUSAL_DECODE = 0, /* malformed */
	REFUSAL_LIMIT,	    /* index bound, nesting */
	REFUSAL_MEMORY,	    /* budget, memory_limiter */
	REFUSAL_QUEUE_FULL,
	REFUSAL_PROCESSOR, /* a processor's error with error_mode propagate */
	REFUSAL_DEADLINE,  /* its sender's had passed when it was complete */
	REFUSAL_COUNT
};

/* Fields of requests that nobody reads. */
enum unread_fields {
	FIELDS_UNKNOWN = 0, /* to the schema */
	FIELDS_SUPERSEDED,  /* of an old version, beside the one that replaced it */
	FIELDS_COUNT
};

struct receiver_counters {
	struct counter accepted[PUSH_TRANSPORT_COUNT]; /* spans */
	struct counter refused[PUSH_TRANSPORT_COUNT];  /* spans, where they could be counted */
	struct counter failed[PUSH_TRANSPORT_COUNT];   /* spans */
	struct counter requests_refused[REFUSAL_COUNT];
	struct counter empty; /* requests without a span */
	struct counter fields[FIELDS_COUNT];
};

struct receiver_port {
	struct graph *graph;
	struct pipeline **pipelines;
	size_t pipeline_count;
	struct receiver_counters counters;
	atomic_bool said_without_spans; /* once is enough: the counter goes on */
	struct log log;
};

/* Fields of an indexed request that nobody reads. */
void receiver_count_unread(struct receiver_port *port, const struct trace_view *view);

/* Of a request that was not empty: a line in the log, the first time. */
void receiver_say_without_spans(struct receiver_port *port);

struct receiver_node {
	struct node node;
	struct receiver_port port;
	bool drain_asked, drained;
};

/* What one branch of a request wants to hand over: made in the first phase, carried out or undone
 * in the second. */
struct offer {
	struct group *group;	 /* or */
	struct holder *holder;	 /* or */
	struct waiting *waiting; /* the one that is not NULL takes the chunk; or */
	struct connector_node
		*connector; /* the pipelines behind it have made offers of their own */
	struct chunk *chunk;
	uint64_t takers; /* members of the group that have reserved room */
};

struct shard {
	struct server_shard *server; /* what receivers see of it: graph->server_shards[number] */
	struct graph *graph;
	struct loop loop;
	pthread_t thread;
	bool thread_started;
	size_t number;
	/* owned by the shard's thread */
	struct trace_view *view;
	struct offer *offers; /* graph->offer_capacity */
	size_t offer_count;
};

enum graph_state {
	GRAPH_NEW = 0,
	GRAPH_RUNNING,
	GRAPH_DRAINING, /* receivers finish */
	GRAPH_SENDING,	/* queues empty */
	GRAPH_ABORTING, /* the deadline has passed: what is held is dropped */
	GRAPH_ENDED,
};

struct graph {
	/* immutable after graph_new */
	const struct config_service *service;
	struct graph_options options;
	struct arena *arena;
	struct log log;
	struct metrics *metrics;
	struct key_table *keys;
	struct trace_memory *memory;
	struct receiver_node *receivers; /* all in the service's order; unused ones have no self */
	struct exporter_node *exporters;
	struct node *extensions; /* of service.extensions, in order */
	size_t receiver_count, exporter_count, extension_count;
	struct connector_node
		*connectors; /* all in the service's order; unused ones lead nowhere */
	size_t connector_count;
	struct pipeline *pipelines;
	struct pipeline **order; /* the same, each behind those that feed it through connectors */
	size_t pipeline_count;
	size_t shard_count, offer_capacity;
	/* shared */
	struct budget budget;
	struct budget scrape_budget; /* of the metrics page */
	struct shard *shards;
	struct server_shard *server_shards;
	/* owned by the main thread */
	struct loop main_loop;
	struct coder *main_coder;
	struct server_shard main_shard; /* for /metrics and extensions */
	struct server *metrics_server;
	uv_timer_t tick_timer, report_timer;
	uint64_t reported_bytes; /* of the budget, when the report timer last fired */
	bool main_loop_made, timers_made;
	size_t loops_made; /* of shards */
	enum graph_state state;
	size_t receivers_draining;
	uint64_t stop_began_ns, abort_began_ns;
	uint64_t started_ns, started_wall_ns;
	int exit_code;
};

/* build.c */
int graph_bind_components(struct graph *graph, struct config_report *report);

/* build.c: finds the type of component ${at} of ${section} and binds its block into ${node}. False
 * with the problems in ${report}; nothing may be created from ${node} then. */
bool graph_bind_node(struct graph *graph, enum config_section section, size_t at, struct node *node,
		     struct config_report *report);
bool graph_no_memory(struct config_report *report, const char *path); /* reports it; false */
/* Whether a pipeline refers to component ${at} of ${section}. */
bool graph_uses(const struct graph *graph, enum config_section section, size_t at);

/* connect.c: pipelines joined by connectors. The first makes graph->connectors, after the pipelines'
 * array; the second gives one pipeline its own. The third orders the pipelines, bounds the offers of
 * a request, and refuses cycles and connectors with one end; the last refuses a graph in which
 * something that is received would reach no exporter. Problems go to ${report}. */
bool connect_create(struct graph *graph, struct config_report *report);
bool connect_pipeline(struct pipeline *pipeline, const struct config_pipeline *config);
bool connect_order(struct graph *graph, struct config_report *report);
bool connect_check_ends(const struct graph *graph, struct config_report *report);
/* Runs the pipelines behind the connectors that the shard's offers name, and those behind them in
 * turn, on what reached the connectors. The shard's index is of another request then. On anything
 * but OUTCOME_TAKEN the caller undoes all offers (flow_abort). Shard's thread. */
enum outcome connect_run(struct shard *shard, struct err *err);

/* graph.c: lets every processor write its line. */
void graph_report(struct graph *graph);

/* addresses.c. The first: whether what the bound ${node} listens at has a form that can be; the
 * second, when all is built: no port twice, no exporter that sends to its own receiver. */
bool graph_check_node_addresses(struct graph *graph, const struct config_component *component,
				const struct node *node, struct config_report *report);
void graph_check_addresses(struct graph *graph, struct config_report *report);

/* policies.c: whether service.policies holds for the pipelines as they are built. */
void graph_check_policies(const struct graph *graph, struct config_report *report);

/* Spans lost between the stages of ${pipeline} (holder.c): counts them in ${dropped}, which was
 * registered for ${reason}, and logs. ${why} may be NULL. */
void pipeline_drop(const struct pipeline *pipeline, struct counter *dropped,
		   enum drop_reason reason, uint64_t spans, const struct err *why);
MUST_CHECK bool pipeline_register_dropped(const struct pipeline *pipeline, struct metrics *metrics,
					  enum drop_reason reason, const struct counter *dropped);

/* holder.c: a batch processor in the middle of a pipeline. */
MUST_CHECK struct holder *holder_new(struct pipeline *pipeline, size_t next_stage,
				     const struct batching *batching);
MUST_CHECK int holder_start(struct holder *holder, struct shard *home, struct err *err);
MUST_CHECK bool holder_reserve(struct holder *holder, size_t bytes);
void holder_cancel(struct holder *holder, size_t bytes);
/* For a chunk that had no room; see sender_refuse. */
struct drain_wait holder_refuse(struct holder *holder, size_t bytes, uint64_t now_ns);
void holder_take(struct holder *holder, struct chunk *chunk); /* room was reserved */
void holder_flush(struct holder *holder);		      /* any thread */
uint64_t holder_held_spans(const struct holder *holder);
uint64_t holder_dropped_spans(const struct holder *holder, enum drop_reason reason);
MUST_CHECK bool holder_register(struct holder *holder, struct metrics *metrics,
				const char *processor_id);
void holder_abort(struct holder *holder); /* home loop: drops what it holds, now and later */
void holder_stop(struct holder *holder);  /* home loop */
void holder_free(struct holder *holder);

/* waiting.c: spans that a processor holds back until another request has come. */
struct waiting_room_config {
	struct pipeline *pipeline;
	struct processor_node *processor;
	size_t stage, at; /* where in the pipeline the processor is */
	uint64_t wait_ns;
};
MUST_CHECK struct waiting_room *waiting_room_new(const struct waiting_room_config *config);
MUST_CHECK int waiting_room_start(struct waiting_room *room, struct shard *home, struct err *err);
/* The held spans of the shard's edit as an offer for the room: they keep ${due_ns} if they come
 * again (not 0). NULL with ${err}: no memory. */
struct waiting *waiting_new(struct waiting_room *room, struct shard *shard, uint64_t due_ns,
			    struct err *err);
struct chunk *waiting_chunk(const struct waiting *waiting);
MUST_CHECK bool waiting_reserve(const struct waiting *waiting);
void waiting_cancel(const struct waiting *waiting); /* gives the room back */
void waiting_take(struct waiting *waiting);	    /* room was reserved; the room owns it now */
void waiting_free(struct waiting *waiting);
void waiting_room_flush(struct waiting_room *room); /* nobody waits any longer; any thread */
MUST_CHECK bool waiting_room_register(struct waiting_room *room, struct metrics *metrics);
uint64_t waiting_room_held_spans(const struct waiting_room *room);
void waiting_room_post_stop(struct waiting_room *room); /* any thread; the loop is about to stop */
void waiting_room_free(struct waiting_room *room);

/* flow.c */

/* What ${err} means for a request: memory comes back, so retry; everything else depends on the
 * request alone and is the same the next time. */
enum outcome flow_outcome(const struct err *err);
/* Whether the limits that the first stage's processors set have room for a body of ${bytes}, before
 * its index is made. */
enum outcome flow_admit(const struct pipeline *pipeline, struct slice body, struct err *err);

/* Where a run begins, and as what. */
struct flow_from {
	size_t stage, processor; /* of the stage */
	uint64_t due_ns;	 /* spans that waited before ${processor}: until when; 0: not so */
	bool final;		 /* they may not wait again */
};

/* Runs the processors of one stage on the shard's index and appends the offers of what follows. Those
 * of connectors are still to be carried on by connect_run. */
enum outcome flow_run(struct pipeline *pipeline, const struct flow_from *from, struct shard *shard,
		      struct chunk *body, struct err *err);
/* That and connect_run for what a holder or a waiting room kept: indexes ${body} first, and commits.
 * OUTCOME_RETRY: nobody took it, try again soon; OUTCOME_REJECTED: nobody ever will. */
enum outcome flow_again(struct pipeline *pipeline, const struct flow_from *from,
			struct shard *shard, struct chunk *body, struct err *err);
/* Carries out or undoes the shard's offers. ${ack} may be NULL. False when nothing was taken
 * because a required queue, or every queue, was full; the offers are undone then. */
bool flow_commit(struct shard *shard, struct ack *ack, struct drain_wait *ret_wait);
void flow_abort(struct shard *shard);

/* refusal.c: the shard's offers are refused, since some had no room: counts that in their queues, and
 * returns how long the sender should wait until all have some. Before flow_abort. */
struct drain_wait flow_refuse(const struct shard *shard);

/* telemetry.c */
/* host:port of the /metrics page, in the graph's arena; "" when that is exhausted. */
const char *telemetry_endpoint(const struct graph *graph);
bool telemetry_register(struct graph *graph);
bool telemetry_register_receiver(struct graph *graph, struct receiver_node *receiver);
int telemetry_start(struct graph *graph, struct err *err);
void telemetry_stop(struct graph *graph);

#endif
