/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of servers: see server_settings.h. Nothing is kept. */
#include "pipeline/net/server_settings.h"

static const struct config_field parameter_fields[] = {
	CONFIG_DURATION(struct server_parameters, max_connection_idle_ns, "max_connection_idle",
			"10m", "Close a connection without a request after this; 0: never."),
	CONFIG_DURATION(struct server_parameters, max_connection_age_ns, "max_connection_age", "0s",
			"Ask a connection to end after this; 0: never."),
	CONFIG_DURATION(struct server_parameters, max_connection_age_grace_ns,
			"max_connection_age_grace", "0s",
			"Close it this long after it was asked to end; 0: never."),
	CONFIG_DURATION(struct server_parameters, time_ns, "time", "2h",
			"Accepted; dead peers are found by TCP keep-alive."),
	CONFIG_DURATION(struct server_parameters, timeout_ns, "timeout", "20s",
			"Accepted, see `time`."),
};
static const struct config_block parameters_block =
	CONFIG_BLOCK(struct server_parameters, parameter_fields);

static const struct config_field enforcement_fields[] = {
	CONFIG_IGNORED(DURATION, "min_time", "Accepted; PING floods are bounded by a limit."),
	CONFIG_IGNORED(BOOL, "permit_without_stream", "Accepted, see `min_time`."),
};
static const struct config_block enforcement_block = CONFIG_BLOCK_OF_IGNORED(enforcement_fields);

static const struct config_field keepalive_fields[] = {
	CONFIG_SUB(struct server_keepalive, server_parameters, "server_parameters",
		   &parameters_block, "Life of connections."),
	CONFIG_IGNORED_BLOCK("enforcement_policy", &enforcement_block,
			     "Accepted; PING floods are bounded by a limit."),
};
const struct config_block server_keepalive_block =
	CONFIG_BLOCK(struct server_keepalive, keepalive_fields);

void grpc_server_settings_requests(const struct grpc_server_settings *settings,
				   struct server_limits *limits)
{
	if (settings->max_recv_msg_size_mib > 0)
		limits->grpc_message_bytes_max = (size_t)settings->max_recv_msg_size_mib << 20;
	if (settings->max_concurrent_streams > 0)
		limits->streams_max = settings->max_concurrent_streams;
}

void grpc_server_settings_connections(const struct grpc_server_settings *settings,
				      struct server_limits *limits)
{
	limits->connections_max = settings->max_connections;
	limits->idle_timeout_ns = settings->keepalive.server_parameters.max_connection_idle_ns;
}

void http_server_settings_requests(const struct http_server_settings *settings,
				   struct server_limits *limits)
{
	if (settings->max_request_body_size > 0)
		limits->http_body_bytes_max = settings->max_request_body_size;
	if (settings->read_header_timeout_ns > 0)
		limits->header_timeout_ns = settings->read_header_timeout_ns;
	if (settings->read_timeout_ns > 0)
		limits->body_timeout_ns = settings->read_timeout_ns;
	if (settings->write_timeout_ns > 0)
		limits->write_timeout_ns = settings->write_timeout_ns;
}

void http_server_settings_connections(const struct http_server_settings *settings,
				      struct server_limits *limits)
{
	limits->connections_max = settings->max_connections;
	limits->idle_timeout_ns = settings->idle_timeout_ns;
}
