/* SPDX-License-Identifier: Apache-2.0 */
/* Takes every batch and does nothing with it: for measuring, and as a placeholder. */
#include "pipeline/graph/component.h"

struct nop_config {
	struct delivery_config delivery;
};

static const struct config_field fields[] = {DELIVERY_FIELDS(struct nop_config, delivery, "5s")};
static const struct config_block block = CONFIG_BLOCK(struct nop_config, fields);

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	(void)env;
	(void)config;
	(void)report;
	static char self; /* there is nothing to keep, but NULL would mean failure */
	return &self;
}

static const struct delivery_config *delivery(const void *config)
{
	return &((const struct nop_config *)config)->delivery;
}

static void send_batch(void *self, struct export_call *call)
{
	(void)self;
	const struct export_result delivered = {.outcome = EXPORT_DELIVERED};
	export_done(call, &delivered);
}

static void destroy(void *self)
{
	(void)self;
}

static const struct exporter_ops ops = {
	.create = create, .delivery = delivery, .send = send_batch, .destroy = destroy};

const struct component_type exporter_nop = {.kind = COMPONENT_EXPORTER,
					    .names = {"nop"},
					    .summary = "Takes everything, keeps nothing.",
					    .config = &block,
					    .exporter = &ops};
