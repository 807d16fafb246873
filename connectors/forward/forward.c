/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins pipelines: everything that reaches it from the pipelines that name it as exporter goes on to
 * those that name it as receiver, unchanged. It has no settings, as in the Collector, and no state:
 * the host hands the encoded request on (pipeline/graph/connect.c) within the admission of the request, so
 * a request is taken by all queues behind it or by none.
 */
#include "pipeline/graph/component.h"

static const struct config_block block = {0};

extern const struct component_type connector_forward;
const struct component_type connector_forward = {
	.kind = COMPONENT_CONNECTOR,
	.names = {"forward"},
	.summary = "Joins pipelines: what one leaves goes on to the others, unchanged.",
	.config = &block,
};
