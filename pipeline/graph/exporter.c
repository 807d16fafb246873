/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exporter of the graph: the component, and the sender in front of it. Its groups reserve room in
 * the sender and give it batches (exporter_group.c), so as a consumer it has a life alone: the last
 * one to hold what all pipelines send there, counted once.
 */
#include "pipeline/graph/internal.h"

static struct exporter_node *exporter_of(struct consumer *consumer)
{
	return CONTAINER_OF(consumer, struct exporter_node, consumer);
}

static int start(struct consumer *consumer, struct err *err)
{
	struct exporter_node *exporter = exporter_of(consumer);
	const struct exporter_ops *ops = exporter->node.type->exporter;
	struct loop *home = &consumer->home->loop;
	if (sender_start(exporter->sender, home, err) != 0 ||
	    (ops->start && ops->start(exporter->node.self, home, err) != 0))
		return err_wrap(err, "exporters::%s", exporter->node.id);
	exporter->node.started = true;
	return 0;
}

static uint64_t held(struct consumer *consumer)
{
	return sender_held_spans(exporter_of(consumer)->sender);
}

static void abort_held(struct consumer *consumer)
{
	sender_abort(exporter_of(consumer)->sender);
}

static void stop(struct consumer *consumer)
{
	struct exporter_node *exporter = exporter_of(consumer);
	if (exporter->node.started && exporter->node.type->exporter->stop)
		exporter->node.type->exporter->stop(exporter->node.self);
	sender_stop(exporter->sender);
}

static void free_exporter(struct consumer *consumer)
{
	struct exporter_node *exporter = exporter_of(consumer);
	if (exporter->node.self)
		exporter->node.type->exporter->destroy(exporter->node.self);
	sender_free(exporter->sender);
}

static const struct consumer_ops consumer_ops = {
	.start = start,
	.held = held,
	.abort = abort_held,
	.stop = stop,
	.free = free_exporter,
};

bool exporter_create(struct graph *graph, struct exporter_node *exporter,
		     struct config_report *report)
{
	struct node *node = &exporter->node;
	const struct exporter_ops *ops = node->type->exporter;
	struct component_env env = graph_env_of(graph, node);
	exporter->consumer.ops = &consumer_ops;
	node->self = component_create(node->type, &env, node->config, report);
	if (!node->self)
		return false;
	const struct export_target target = {
		.self = node->self, .send = ops->send, .cancel = ops->cancel};
	exporter->sender = sender_new(ops->delivery(node->config), &target, &node->log,
				      &graph->budget, graph->keys);
	struct buf where = BUF_INIT;
	if (ops->target)
		ops->target(node->self, &where);
	bool added = exporter->sender &&
		     sender_register(exporter->sender, graph->metrics, node->id, buf_cstr(&where));
	buf_fini(&where);
	return added || graph_no_memory(report, node->path);
}
