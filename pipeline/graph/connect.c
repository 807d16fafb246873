/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines joined by connectors. A request runs through all pipelines that it reaches in one call on
 * its shard (flow.c), so the joined pipelines must have no circle, and the number of transfers that
 * one request can make is known here: every way from a receiver through the connectors runs the pipelines
 * on it once more.
 */
#include "pipeline/graph/flow.h"
#include "pipeline/graph/internal.h"

enum { GRAPH_TRANSFERS_MAX = 16384 }; /* of one request: a shard has an array of so many */

static const struct config_pipeline *config_of(const struct graph *graph, size_t pipeline)
{
	return &graph->service->pipelines[pipeline];
}

/* ---- a request ------------------------------------------------------------------------------ */

/* Transfers to connectors keep their chunks to the end, so a chunk that is the indexed body is the
 * very one that was indexed. */
static enum outcome forward(struct consumer *consumer, struct shard *shard, struct chunk *chunk,
			    struct err *err)
{
	static const struct flow_from start = {.stage = 0};
	const struct connector_node *connector =
		CONTAINER_OF(consumer, struct connector_node, consumer);
	for (size_t i = 0; i < connector->to_count; i++) {
		struct pipeline *pipeline = connector->to[i];
		enum outcome outcome = flow_admit(pipeline, chunk_slice(chunk), err);
		if (outcome != OUTCOME_TAKEN)
			return outcome;
		if (view_begin(shard->view, err) != 0 ||
		    (!view_is_body(shard->view, chunk->data) &&
		     view_open_chunk(shard->view, chunk, err) != 0))
			return flow_outcome(err);
		outcome = flow_run(pipeline, &start, shard, chunk, err);
		if (outcome != OUTCOME_TAKEN)
			return outcome;
	}
	return OUTCOME_TAKEN;
}

/* It holds nothing: the pipelines behind it have transfers of their own. */
static const struct consumer_ops consumer_ops = {.forward = forward};

/* ---- joined --------------------------------------------------------------------------------- */

static bool create_connector(struct graph *graph, size_t at, struct config_report *report)
{
	struct connector_node *connector = &graph->connectors[at];
	size_t pipeline_count = graph->service->pipeline_count;
	if (!graph_bind_node(graph, SECTION_CONNECTORS, at, &connector->node, report))
		return false;
	connector->to = arena_calloc(graph->arena, pipeline_count, sizeof(struct pipeline *));
	connector->consumer.ops = &consumer_ops;
	if (!connector->to)
		return graph_no_memory(report, connector->node.path);
	for (size_t p = 0; p < pipeline_count; p++) {
		if (graph_refers_to(&config_of(graph, p)->from_connectors, at))
			connector->to[connector->to_count++] = &graph->pipelines[p];
	}
	return true;
}

bool connect_create(struct graph *graph, struct config_report *report)
{
	bool built = true;
	graph->connector_count = graph->service->sections[SECTION_CONNECTORS].count;
	graph->connectors =
		arena_calloc(graph->arena, graph->connector_count + 1, sizeof(*graph->connectors));
	if (!graph->connectors)
		return graph_no_memory(report, "connectors");
	for (size_t i = 0; i < graph->connector_count; i++) {
		if (graph_uses(graph, SECTION_CONNECTORS, i))
			built &= create_connector(graph, i, report);
	}
	return built;
}

bool connect_pipeline(struct pipeline *pipeline, const struct config_pipeline *config)
{
	struct graph *graph = pipeline->graph;
	const struct config_refs *refs = &config->to_connectors;
	pipeline->connectors =
		arena_calloc(graph->arena, refs->count + 1, sizeof(struct connector_node *));
	for (size_t i = 0; pipeline->connectors && i < refs->count; i++)
		pipeline->connectors[pipeline->connector_count++] =
			&graph->connectors[refs->at[i].at];
	return pipeline->connectors != NULL;
}

/* ---- one end is missing --------------------------------------------------------------------- */

/* Appends the ids of the pipelines in whose list connector ${at} stands: "traces/a traces/b". */
static size_t list_pipelines(const struct graph *graph, size_t at, bool as_exporter,
			     struct buf *out)
{
	size_t count = 0;
	for (size_t p = 0; p < graph->service->pipeline_count; p++) {
		const struct config_pipeline *config = config_of(graph, p);
		if (graph_refers_to(as_exporter ? &config->to_connectors : &config->from_connectors,
				    at))
			buf_printf(out, "%s%s", count++ > 0 ? " " : "", config->id);
	}
	return count;
}

static bool check_both_ends(const struct graph *graph, size_t at, struct config_report *report)
{
	const struct config_component *connector =
		&graph->service->sections[SECTION_CONNECTORS].at[at];
	struct buf feeding = BUF_INIT, fed = BUF_INIT;
	size_t feeding_count = list_pipelines(graph, at, true, &feeding);
	size_t fed_count = list_pipelines(graph, at, false, &fed);
	bool complete = (feeding_count > 0) == (fed_count > 0);
	if (!complete)
		config_problem(report, CONFIG_ERROR, connector->loc,
			       graph->connectors[at].node.path, NULL,
			       "failed to build pipelines: connector \"%s\" used as %s in [%s] "
			       "pipeline but not used in any supported %s pipeline",
			       connector->id, fed_count > 0 ? "receiver" : "exporter",
			       buf_cstr(fed_count > 0 ? &fed : &feeding),
			       fed_count > 0 ? "exporter" : "receiver");
	buf_fini(&feeding);
	buf_fini(&fed);
	return complete;
}

/* ---- in order ------------------------------------------------------------------------------- */

/* Per pipeline, while they are put into an order. */
struct step {
	size_t feeders_left; /* pipelines that feed it and have no place in the order yet */
	uint64_t runs;	     /* for one request, at most */
	/* on the way back through a circle */
	bool visited;
	size_t via, next; /* the connector, and the pipeline behind it */
};

static uint64_t add_bounded(uint64_t a, uint64_t b)
{
	return a + b > GRAPH_TRANSFERS_MAX ? GRAPH_TRANSFERS_MAX + 1 : a + b;
}

static void count_feeders(const struct graph *graph, struct step *steps)
{
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		const struct pipeline *pipeline = &graph->pipelines[p];
		steps[p].runs = config_of(graph, p)->receivers.count > 0;
		for (size_t i = 0; i < pipeline->connector_count; i++) {
			const struct connector_node *connector = pipeline->connectors[i];
			for (size_t k = 0; k < connector->to_count; k++)
				steps[connector->to[k] - graph->pipelines].feeders_left++;
		}
	}
}

/* Gives ${pipeline} the next place, and those that it feeds theirs when it was the last of their
 * feeders: they are put behind it and taken up by the caller in turn. */
static void feed(struct graph *graph, const struct pipeline *pipeline, struct step *steps,
		 size_t *ordered)
{
	for (size_t i = 0; i < pipeline->connector_count; i++) {
		const struct connector_node *connector = pipeline->connectors[i];
		for (size_t k = 0; k < connector->to_count; k++) {
			struct step *fed = &steps[connector->to[k] - graph->pipelines];
			fed->runs = add_bounded(fed->runs, steps[pipeline - graph->pipelines].runs);
			if (--fed->feeders_left == 0)
				graph->order[(*ordered)++] = connector->to[k];
		}
	}
}

/* Some pipeline that is in no order yet and feeds ${fed}; every such one has one. */
static size_t feeder_of(const struct graph *graph, const struct step *steps, size_t fed,
			size_t *ret_connector)
{
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		const struct pipeline *pipeline = &graph->pipelines[p];
		for (size_t i = 0; steps[p].feeders_left > 0 && i < pipeline->connector_count;
		     i++) {
			size_t at = (size_t)(pipeline->connectors[i] - graph->connectors);
			if (graph_refers_to(&config_of(graph, fed)->from_connectors, at)) {
				*ret_connector = at;
				return p;
			}
		}
	}
	return fed;
}

/* The connector and the processors up to the next connector. */
static void print_step(const struct graph *graph, const struct step *step, struct buf *out)
{
	const struct config_pipeline *config = config_of(graph, step->next);
	const struct config_component *processors = graph->service->sections[SECTION_PROCESSORS].at;
	buf_printf(out, "connector \"%s\" (traces to traces) -> ",
		   graph->connectors[step->via].node.id);
	for (size_t i = 0; i < config->processors.count; i++)
		buf_printf(out, "processor \"%s\" in pipeline \"%s\" -> ",
			   processors[config->processors.at[i].at].id, config->id);
}

/* Follows feeders back until one comes again: from there on it is a circle. */
static void report_circle(const struct graph *graph, struct step *steps, size_t from,
			  struct config_report *report)
{
	struct buf way = BUF_INIT;
	size_t at = from, connector = 0;
	while (!steps[at].visited) {
		steps[at].visited = true;
		size_t feeder = feeder_of(graph, steps, at, &connector);
		steps[feeder].via = connector;
		steps[feeder].next = at;
		at = feeder;
	}
	size_t first = steps[at].via, begin = at;
	do {
		print_step(graph, &steps[at], &way);
		at = steps[at].next;
	} while (at != begin);
	config_problem(report, CONFIG_ERROR,
		       graph->service->sections[SECTION_CONNECTORS].at[first].loc,
		       graph->connectors[first].node.path, NULL,
		       "failed to build pipelines: cycle detected: %sconnector \"%s\" (traces to "
		       "traces)",
		       buf_cstr(&way), graph->connectors[first].node.id);
	buf_fini(&way);
}

static bool bound_transfers(struct graph *graph, const struct step *steps,
			    struct config_report *report)
{
	uint64_t transfers = 0;
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		const struct pipeline *pipeline = &graph->pipelines[p];
		uint64_t each = pipeline->group_count + pipeline->connector_count + 1 +
				pipeline->processor_count;
		transfers = add_bounded(transfers, add_bounded(steps[p].runs, 0) * each);
	}
	graph->transfer_capacity = (size_t)transfers;
	if (transfers <= GRAPH_TRANSFERS_MAX)
		return true;
	config_problem(report, CONFIG_ERROR, (struct config_loc){0}, "connectors", NULL,
		       "connectors multiply a request: it would be handed on in more than %d ways",
		       GRAPH_TRANSFERS_MAX);
	return false;
}

bool connect_order(struct graph *graph, struct config_report *report)
{
	size_t ordered = 0;
	bool complete = true;
	struct step *steps = arena_calloc(graph->arena, graph->pipeline_count + 1, sizeof(*steps));
	graph->order =
		arena_calloc(graph->arena, graph->pipeline_count + 1, sizeof(struct pipeline *));
	if (!steps || !graph->order)
		return graph_no_memory(report, "service.pipelines");
	for (size_t i = 0; i < graph->connector_count; i++)
		complete &= check_both_ends(graph, i, report);
	count_feeders(graph, steps);
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		if (steps[p].feeders_left == 0)
			graph->order[ordered++] = &graph->pipelines[p];
	}
	for (size_t i = 0; i < ordered; i++)
		feed(graph, graph->order[i], steps, &ordered);
	for (size_t p = 0; p < graph->pipeline_count && ordered < graph->pipeline_count; p++) {
		if (steps[p].feeders_left > 0) {
			report_circle(graph, steps, p, report);
			return false;
		}
	}
	return bound_transfers(graph, steps, report) && complete;
}

/* ---- every way has an end ------------------------------------------------------------------- */

/* Whether spans that enter ${pipeline} come out of its stages: each ends in somebody. */
static bool stages_lead_on(const struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->stage_count; i++) {
		if (pipeline->stages[i].consumer_count == 0)
			return false;
	}
	return pipeline->stage_count > 0;
}

static bool has_sender(const struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->group_count; i++) {
		if (pipeline->groups[i].member_count > 0 && pipeline->groups[i].members[0]->sender)
			return true;
	}
	return false;
}

/* ${ends}: by pipeline, known for those behind it. */
static bool reaches_exporter(const struct graph *graph, const struct pipeline *pipeline,
			     const bool *ends)
{
	bool reaches = has_sender(pipeline);
	for (size_t i = 0; i < pipeline->connector_count; i++) {
		const struct connector_node *connector = pipeline->connectors[i];
		for (size_t k = 0; k < connector->to_count; k++)
			reaches |= ends[connector->to[k] - graph->pipelines];
	}
	return reaches && stages_lead_on(pipeline);
}

bool connect_check_ends(const struct graph *graph, struct config_report *report)
{
	size_t errors_before = report->error_count;
	bool *ends = arena_calloc(graph->arena, graph->pipeline_count + 1, sizeof(*ends));
	if (!ends)
		return graph_no_memory(report, "service.pipelines");
	for (size_t i = graph->pipeline_count; i-- > 0;) {
		const struct pipeline *pipeline = graph->order[i];
		size_t at = (size_t)(pipeline - graph->pipelines);
		ends[at] = reaches_exporter(graph, pipeline, ends);
		if (!ends[at])
			config_problem(
				report, CONFIG_ERROR, config_of(graph, at)->loc, pipeline->id, NULL,
				"service::pipelines::%s: leads to no exporter: what it takes "
				"would be acknowledged and lost",
				pipeline->id);
	}
	for (size_t i = 0; i < graph->receiver_count; i++) {
		const struct receiver_node *receiver = &graph->receivers[i];
		if (receiver->node.self && receiver->port.pipeline_count == 0)
			config_problem(report, CONFIG_ERROR, (struct config_loc){0},
				       receiver->node.path, NULL,
				       "receivers::%s: feeds no pipeline: what it takes would be "
				       "acknowledged and lost",
				       receiver->node.id);
	}
	return report->error_count == errors_before;
}
