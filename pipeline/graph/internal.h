/* SPDX-License-Identifier: Apache-2.0 */
/* The graph's own structures. For pipeline/graph/ and its tests alone. */
#ifndef SLUICE_GRAPH_INTERNAL_H
#define SLUICE_GRAPH_INTERNAL_H

#include "pipeline/delivery/assembler.h"
#include "pipeline/delivery/sender.h"
#include "pipeline/graph/component.h"
#include "pipeline/graph/consumer.h"
#include "pipeline/graph/graph.h"
#include "pipeline/net/admin_server.h"

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
	struct consumer consumer;
	struct node node;
	struct sender *sender; /* NULL: not built */
};

/* A processor in one pipeline: processors are made per pipeline, as in the Collector. */
struct processor_node {
	struct node node;
	void **shard_states;   /* one per shard */
	struct consumer *held; /* of spans that it holds back; NULL: it holds none */
	struct counter incoming, outgoing;
};

/* What the pipelines that have it as exporter leave goes on to those that have it as receiver. */
struct connector_node {
	struct consumer consumer;
	struct node node;
	struct pipeline **to;
	size_t to_count;
};

/* Exporters of one pipeline that want the same batches. */
struct exporter_group {
	struct consumer consumer;
	struct exporter_node *
		*members; /* number i is bit i of what is reserved, and of batches' targets */
	size_t member_count;
	struct assembler *assembler;
	struct assembler_config config;
};

/* A run of processors and what it ends in: groups and connectors, or a batch that feeds the next. */
struct stage {
	struct processor_node *processors;
	size_t processor_count;
	struct consumer **consumers;
	size_t consumer_count;
};

struct pipeline {
	const char *id;
	struct graph *graph;
	struct processor_node *processors; /* all, in order; a batch among them may be half-made */
	size_t processor_count;
	struct memory_limit *
		*limits; /* of the first stage: asked before a request's index is made */
	size_t limit_count;
	struct stage *stages; /* runs of the processors between batches */
	size_t stage_count;
	struct exporter_group *groups;
	size_t group_count;
	struct connector_node **connectors; /* among its exporters */
	size_t connector_count;
	struct batching batching; /* of a batch processor at the end; all 0: none */
	const char *batch_id;	  /* that processor's id; NULL: none */
	struct counter dropped[DROP_REASON_COUNT]; /* spans lost between stages */
	bool drops_registered;
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

struct shard {
	struct server_shard *server; /* what receivers see of it: graph->server_shards[number] */
	struct graph *graph;
	struct loop loop;
	pthread_t thread;
	bool thread_started;
	size_t number;
	/* owned by the shard's thread */
	struct trace_view *view;
	struct transfer *transfers; /* of the request; graph->transfer_capacity */
	size_t transfer_count;
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
	struct consumer **consumers; /* see consumers_list */
	size_t consumer_count;
	size_t shard_count, transfer_capacity;
	/* shared */
	struct budget budget;
	struct shard *shards;
	struct server_shard *server_shards;
	/* owned by the main thread */
	struct loop main_loop;
	struct coder *main_coder;
	struct server_shard main_shard; /* for /metrics and extensions */
	struct admin_server metrics_server;
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

/* node.c: finds the type of component ${at} of ${section} and binds its block into ${node}. False
 * with the problems in ${report}; nothing may be created from ${node} then. */
bool graph_bind_node(struct graph *graph, enum config_section section, size_t at, struct node *node,
		     struct config_report *report);
/* Whether component number ${at} of its section is among ${refs}. */
bool graph_refers_to(const struct config_refs *refs, size_t at);
/* Whether a pipeline refers to component ${at} of ${section}. */
bool graph_uses(const struct graph *graph, enum config_section section, size_t at);
bool graph_no_memory(struct config_report *report, const char *path); /* reports it; false */
/* What the host lends to ${node} at its creation. */
struct component_env graph_env_of(struct graph *graph, const struct node *node);

/* connect.c: pipelines joined by connectors. The first makes graph->connectors, after the pipelines'
 * array; the second gives one pipeline its own. The third orders the pipelines, bounds the
 * transfers of a request, and refuses cycles and connectors with one end; the last refuses a graph in which
 * something that is received would reach no exporter. Problems go to ${report}. */
bool connect_create(struct graph *graph, struct config_report *report);
bool connect_pipeline(struct pipeline *pipeline, const struct config_pipeline *config);
bool connect_order(struct graph *graph, struct config_report *report);
bool connect_check_ends(const struct graph *graph, struct config_report *report);

/* graph.c: lets every processor write its line. */
void graph_report(struct graph *graph);

/* addresses.c. The first: whether what the bound ${node} listens at has a form that can be; the
 * second, when all is built: no port twice, no exporter that sends to its own receiver. */
bool graph_check_node_addresses(struct graph *graph, const struct config_component *component,
				const struct node *node, struct config_report *report);
void graph_check_addresses(struct graph *graph, struct config_report *report);

/* policies.c: whether service.policies holds for the pipelines as they are built. */
void graph_check_policies(const struct graph *graph, struct config_report *report);

/* As warnings: what follows a policy that no service.policies requires. For graph_lint. */
void graph_lint_policies(const struct graph *graph, struct config_report *report);

/* exporter.c: creates the bound ${exporter} and its sender. False with the problems in ${report}. */
bool exporter_create(struct graph *graph, struct exporter_node *exporter,
		     struct config_report *report);

/* exporter_group.c: puts the exporters of ${pipeline} into groups. */
bool exporter_groups_create(struct pipeline *pipeline, const struct config_pipeline *config,
			    struct config_report *report);

/* pipeline.c */
bool pipeline_build(struct graph *graph, const struct config_pipeline *config,
		    struct pipeline *pipeline, struct config_report *report);
void pipeline_free(struct pipeline *pipeline);

/* pipeline_drops.c: counts and logs spans lost between the stages of ${pipeline}: for DROP_MEMORY, DROP_PERMANENT or
 * DROP_SHUTDOWN. ${why} may be NULL. Any thread. The consumers that may lose some register it. */
void pipeline_drop(struct pipeline *pipeline, enum drop_reason reason, uint64_t spans,
		   const struct err *why);
MUST_CHECK bool pipeline_register_drops(struct pipeline *pipeline);

/* telemetry.c */
/* host:port of the /metrics page, in the graph's arena; "" when that is exhausted. */
const char *telemetry_endpoint(const struct graph *graph);
bool telemetry_register(struct graph *graph);
bool telemetry_register_receiver(struct graph *graph, struct receiver_node *receiver);
int telemetry_start(struct graph *graph, struct err *err);
void telemetry_stop(struct graph *graph);

#endif
