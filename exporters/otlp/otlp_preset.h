/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exporters as presets of the OTLP client: from the Collector's client settings to a client. What is
 * particular (a dialect, a path, JSON) is set in between:
 *
 *   struct otlp_client_config client = otlp_preset_grpc(&config->grpc, DEFAULT_PORT);
 *   return otlp_preset_create(&client, env, report);
 */
#ifndef SLUICE_EXPORTERS_OTLP_OTLP_PRESET_H
#define SLUICE_EXPORTERS_OTLP_OTLP_PRESET_H

#include "exporters/otlp/otlp_client.h"
#include "pipeline/graph/component.h"
#include "pipeline/net/client_settings.h"

/* ${settings} are borrowed by the client. One connection; TLS unless they say otherwise. */
struct otlp_client_config otlp_preset_grpc(const struct grpc_client_settings *settings,
					   uint16_t default_port);

/* The same over HTTP, with as many connections as ${delivery} has consumers unless they say; the
 * scheme of the endpoint decides about TLS. `compression` is left to the caller. */
struct otlp_client_config otlp_preset_http(const struct http_client_settings *settings,
					   const struct delivery_config *delivery);

/* For the create slot: the client, which takes over what is to be freed of ${config}; NULL with the
 * problem in ${report}. */
MUST_CHECK struct otlp_client *otlp_preset_create(struct otlp_client_config *config,
						  const struct component_env *env,
						  struct config_report *report);

#endif
