/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Collector's settings of a client, for every exporter that is one: the keys of configgrpc's
 * and confighttp's ClientConfig as fields for its table, the struct they fill, and the checks that
 * say what is wrong with the place of the key, before anything is created.
 *
 *   struct grpc_client_settings grpc;                            in the exporter's struct
 *   GRPC_CLIENT_FIELDS(struct x_config, grpc, "gzip", "…"),      in its field table
 *   grpc_client_settings_check(&x->grpc, node, path, report);    in its block's check
 */
#ifndef SLUICE_NET_CLIENT_SETTINGS_H
#define SLUICE_NET_CLIENT_SETTINGS_H

#include "pipeline/config/bind.h"
#include "pipeline/net/coding.h"
#include "pipeline/net/collector_keys.h"
#include "pipeline/net/tls.h"

/* Words of the `compression` key, ended by NULL: what the Collector takes by protocol. */
extern const char *const grpc_client_compressions[], *const http_client_compressions[];

/* ---- gRPC ----------------------------------------------------------------------------------- */

struct client_keepalive {
	uint64_t time_ns, timeout_ns;
};

struct grpc_client_settings {
	const char *endpoint, *authority, *user_agent;
	int compression; /* place in grpc_client_compressions */
	struct tls_config tls;
	struct config_headers headers;
	struct client_keepalive keepalive;
	bool keepalive_present; /* no PINGs without it */
	struct collector_keys keys;
};

extern const struct config_block client_keepalive_block;

/* ${compression} is the default of `compression`. */
#define GRPC_CLIENT_FIELDS(type, member, compression_, endpoint_doc)                               \
	CONFIG_STRING(type, member.endpoint, "endpoint", "", endpoint_doc),                        \
		CONFIG_ENUM(type, member.compression, "compression", grpc_client_compressions,     \
			    compression_, "gzip, zstd, snappy or none."),                          \
		CONFIG_SUB(type, member.tls, "tls", &tls_client_block, "TLS to the backend."),     \
		CONFIG_HEADERS(type, member.headers, "headers",                                    \
			       "Metadata sent with each request; values are secret."),             \
		CONFIG_OPTIONAL_SET(type, member.keepalive, member.keepalive_present, "keepalive", \
				    &client_keepalive_block,                                       \
				    "HTTP/2 PINGs; off unless the key is there."),                 \
		CONFIG_STRING(type, member.authority, "authority", "",                             \
			      ":authority to send in place of the endpoint's."),                   \
		CONFIG_STRING(type, member.user_agent, "user_agent", "sluice",                     \
			      "user-agent to send."),                                              \
		CONFIG_IGNORED(STRING, "balancer_name",                                            \
			       "Accepted; one connection, every address is tried."),               \
		CONFIG_IGNORED(BOOL, "wait_for_ready",                                             \
			       "Accepted; failed connections are retried."),                       \
		CONFIG_IGNORED(I64, "read_buffer_size", "Accepted; buffers belong to shards."),    \
		CONFIG_IGNORED(I64, "write_buffer_size", "Accepted; output is gathered."),         \
		COLLECTOR_CLIENT_FIELDS(type, member.keys)

enum coding grpc_client_coding(const struct grpc_client_settings *settings);

/* Reports what is wrong with ${settings} of ${block}, whose path is ${path}. */
void grpc_client_settings_check(const struct grpc_client_settings *settings,
				const struct config_node *block, const char *path,
				struct config_report *report);

/* ---- HTTP ----------------------------------------------------------------------------------- */

struct http_client_settings {
	const char *endpoint, *proxy_url, *user_agent;
	int compression; /* place in http_client_compressions, or of the exporter's own words */
	struct tls_config tls;
	struct config_headers headers;
	uint64_t idle_conn_timeout_ns;
	uint32_t max_conns_per_host; /* 0: the exporter's choice */
	struct collector_keys keys;
};

extern const struct config_block http_compression_block, http_cookie_block;

/* How it connects, for an exporter that makes its endpoint out of other keys. */
#define HTTP_CLIENT_CONNECTION_FIELDS(type, member)                                                \
	CONFIG_SUB(type, member.tls, "tls", &tls_client_block, "TLS to the backend."),             \
		CONFIG_HEADERS(type, member.headers, "headers",                                    \
			       "Header fields sent with each request; values are secret."),        \
		CONFIG_STRING(type, member.proxy_url, "proxy_url", "",                             \
			      "Proxy; unset: HTTPS_PROXY, HTTP_PROXY and NO_PROXY."),              \
		CONFIG_STRING(type, member.user_agent, "user_agent", "sluice",                     \
			      "User-Agent to send."),                                              \
		CONFIG_DURATION(type, member.idle_conn_timeout_ns, "idle_conn_timeout", "90s",     \
				"Close a kept connection after this."),                            \
		CONFIG_U32(type, member.max_conns_per_host, "max_conns_per_host", "0", 0, 1000,    \
			   "", "Connections at once; 0: as many as sending_queue.num_consumers.")

#define HTTP_CLIENT_FIELDS(type, member, endpoint_doc)                                             \
	CONFIG_STRING(type, member.endpoint, "endpoint", "", endpoint_doc),                        \
		CONFIG_ENUM(type, member.compression, "compression", http_client_compressions,     \
			    "gzip",                                                                \
			    "gzip, zstd, deflate, zlib, snappy, x-snappy-framed, lz4 or none."),   \
		HTTP_CLIENT_CONNECTION_FIELDS(type, member),                                       \
		CONFIG_IGNORED(I64, "read_buffer_size", "Accepted; buffers belong to shards."),    \
		CONFIG_IGNORED(I64, "write_buffer_size", "Accepted; output is gathered."),         \
		CONFIG_IGNORED(I64, "max_idle_conns",                                              \
			       "Accepted; idle_conn_timeout bounds the pool."),                    \
		CONFIG_IGNORED(I64, "max_idle_conns_per_host",                                     \
			       "Accepted; idle_conn_timeout bounds the pool."),                    \
		CONFIG_IGNORED(BOOL, "disable_keep_alives", "Accepted; connections are kept."),    \
		CONFIG_IGNORED(BOOL, "force_attempt_http2", "Accepted; under TLS ALPN decides."),  \
		CONFIG_IGNORED_BLOCK("compression_params", &http_compression_block,                \
				     "Accepted; the level is fixed."),                             \
		CONFIG_IGNORED(DURATION, "http2_read_idle_timeout",                                \
			       "Accepted; dead peers show by time-outs."),                         \
		CONFIG_IGNORED(DURATION, "http2_ping_timeout",                                     \
			       "Accepted; see http2_read_idle_timeout."),                          \
		CONFIG_IGNORED_BLOCK("cookies", &http_cookie_block,                                \
				     "Accepted; cookies are not kept."),                           \
		COLLECTOR_CLIENT_FIELDS(type, member.keys)

enum coding http_client_coding(const struct http_client_settings *settings);

/* Reports what is wrong with ${settings} of ${block}, whose path is ${path}, but for an endpoint that
 * is missing. ${endpoint_key} is the key of the base URL. */
void http_client_settings_check(const struct http_client_settings *settings,
				const char *endpoint_key, const struct config_node *block,
				const char *path, struct config_report *report);

/* ---- single keys ---------------------------------------------------------------------------- */

/* Reports ${text} about ${key} of ${block}, whose path is ${path}; at the block itself when the key
 * is not there. */
void client_key_problem(struct config_report *report, enum config_severity severity,
			const struct config_node *block, const char *key, const char *path,
			const char *text);

/* Reports a URL that is used as it stands (host:port or URL) and cannot be read; "" is accepted. */
void client_url_check(const struct config_node *block, const char *key, const char *url,
		      const char *path, struct config_report *report);

#endif
