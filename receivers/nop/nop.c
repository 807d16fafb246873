/* SPDX-License-Identifier: Apache-2.0 */
/* Receives nothing: a placeholder for configurations that are only checked. */
#include "pipeline/graph/component.h"

struct nop_config {
	char unused;
};

static const struct config_block block = {.struct_size = sizeof(struct nop_config)};

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	(void)env;
	(void)config;
	(void)report;
	static char self;
	return &self;
}

static int start(void *self, const struct receiver_host *host, struct err *err)
{
	(void)self;
	(void)host;
	(void)err;
	return 0;
}

static void drain(void *self, void (*drained)(void *arg), void *arg)
{
	(void)self;
	drained(arg);
}

static void ignore(void *self)
{
	(void)self;
}

static const struct receiver_ops ops = {
	.create = create, .start = start, .drain = drain, .abort = ignore, .destroy = ignore};

const struct component_type receiver_nop = {.kind = COMPONENT_RECEIVER,
					    .names = {"nop"},
					    .summary = "Receives nothing.",
					    .config = &block,
					    .receiver = &ops};
