/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Collector's settings of a server, for receivers and extensions that listen: the keys of
 * configgrpc's and confighttp's ServerConfig as fields for a table, the struct they fill, and the
 * limits they are for a server (server.h). `cors` and, over HTTP, the list of codings are the
 * owner's, who knows what happens to them.
 */
#ifndef SLUICE_NET_SERVER_SETTINGS_H
#define SLUICE_NET_SERVER_SETTINGS_H

#include "pipeline/config/bind.h"
#include "pipeline/net/collector_keys.h"
#include "pipeline/net/server.h"

/* ---- gRPC ----------------------------------------------------------------------------------- */

struct server_parameters {
	uint64_t max_connection_idle_ns, max_connection_age_ns, max_connection_age_grace_ns;
	uint64_t time_ns, timeout_ns;
};

struct server_keepalive {
	struct server_parameters server_parameters;
};

struct grpc_server_settings {
	const char *endpoint, *transport;
	uint32_t max_recv_msg_size_mib, max_concurrent_streams, max_connections;
	struct server_keepalive keepalive;
	struct tls_config tls;
	bool tls_present;
	struct collector_keys keys;
};

extern const struct config_block server_keepalive_block;

#define SERVER_CONNECTIONS_FIELD(type, member)                                                     \
	CONFIG_U32(type, member.max_connections, "max_connections", "10000", 1, 1000000, "",       \
		   "Ours: connections at once; for one more the one that was quiet for longest "   \
		   "is closed.")

#define SERVER_ADDRESS_FIELDS(type, member, endpoint_, endpoint_doc)                               \
	CONFIG_STRING(type, member.endpoint, "endpoint", endpoint_, endpoint_doc),                 \
		CONFIG_STRING(type, member.transport, "transport", "tcp",                          \
			      "tcp, tcp4, tcp6 or unix."),                                         \
		CONFIG_OPTIONAL_SET(                                                               \
			type, member.tls, member.tls_present, "tls", &tls_server_block,            \
			"Certificate and key; without it connections are plain text."),            \
		CONFIG_IGNORED(BOOL, "include_metadata",                                           \
			       "Accepted; no component reads request metadata.")

/* ${endpoint_} is the default of `endpoint`. */
#define GRPC_SERVER_FIELDS(type, member, endpoint_, endpoint_doc)                                  \
	SERVER_ADDRESS_FIELDS(type, member, endpoint_, endpoint_doc),                              \
		CONFIG_U32(type, member.max_recv_msg_size_mib, "max_recv_msg_size_mib", "0", 0,    \
			   2047, "MiBy", "Largest message, decompressed; 0: 4 MiB."),              \
		CONFIG_U32(type, member.max_concurrent_streams, "max_concurrent_streams", "0", 0,  \
			   1000000, "", "Requests at once per connection; 0: 1024."),              \
		SERVER_CONNECTIONS_FIELD(type, member),                                            \
		CONFIG_SUB(type, member.keepalive, "keepalive", &server_keepalive_block,           \
			   "Life of connections."),                                                \
		CONFIG_IGNORED(I64, "read_buffer_size", "Accepted; buffers belong to shards."),    \
		CONFIG_IGNORED(I64, "write_buffer_size", "Accepted; buffers belong to shards."),   \
		COLLECTOR_SERVER_FIELDS(type, member.keys)

/* Sets what bounds gRPC requests in ${limits}, and what bounds connections in all. */
void grpc_server_settings_requests(const struct grpc_server_settings *settings,
				   struct server_limits *limits);
void grpc_server_settings_connections(const struct grpc_server_settings *settings,
				      struct server_limits *limits);

/* ---- HTTP ----------------------------------------------------------------------------------- */

struct http_server_settings {
	const char *endpoint, *transport;
	uint64_t max_request_body_size;
	uint64_t read_timeout_ns, read_header_timeout_ns, write_timeout_ns, idle_timeout_ns;
	uint32_t max_connections;
	bool keep_alives_enabled;
	struct config_headers response_headers;
	struct tls_config tls;
	bool tls_present;
	struct collector_keys keys;
};

/* Without bounds: for servers with limits of their own (server_limits_probe). */
#define HTTP_SERVER_FIELDS(type, member, endpoint_, endpoint_doc)                                  \
	SERVER_ADDRESS_FIELDS(type, member, endpoint_, endpoint_doc),                              \
		CONFIG_HEADERS(type, member.response_headers, "response_headers",                  \
			       "Added to every answer."),                                          \
		COLLECTOR_SERVER_FIELDS(type, member.keys)

#define HTTP_SERVER_LIMIT_FIELDS(type, member)                                                     \
	CONFIG_U64(type, member.max_request_body_size, "max_request_body_size", "20971520", 0,     \
		   2147483647.0, "By", "Largest body, on the wire and decompressed; 0: 20 MiB."),  \
		CONFIG_DURATION(                                                                   \
			type, member.read_header_timeout_ns, "read_header_timeout", "0s",          \
			"From the first byte of a request to the end of its header; 0: 30s."),     \
		CONFIG_DURATION(type, member.read_timeout_ns, "read_timeout", "0s",                \
				"From the end of the header to the end of the body; 0: 60s."),     \
		CONFIG_DURATION(                                                                   \
			type, member.write_timeout_ns, "write_timeout", "0s",                      \
			"For an answer to be read by the sender; then it is cut. 0: 30s."),        \
		SERVER_CONNECTIONS_FIELD(type, member),                                            \
		CONFIG_DURATION(                                                                   \
			type, member.idle_timeout_ns, "idle_timeout", "10m",                       \
			"Close a kept connection without a request after this; 0: never."),        \
		CONFIG_BOOL(type, member.keep_alives_enabled, "keep_alives_enabled", "true",       \
			    "Keep connections open between requests.")

/* As above; 0 leaves what ${limits} says. */
void http_server_settings_requests(const struct http_server_settings *settings,
				   struct server_limits *limits);
void http_server_settings_connections(const struct http_server_settings *settings,
				      struct server_limits *limits);

#endif
