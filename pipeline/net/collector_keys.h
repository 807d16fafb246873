/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that the Collector's server and client blocks have in common: `auth`, and those that this build
 * does not carry out. They are known, so that a file is not refused for a misspelt key, and each is
 * answered by what ignoring it would mean: a middleware may be a limit, so that is an error; a browser
 * without CORS headers only gets less than it asked for, so that is a warning.
 */
#ifndef SLUICE_NET_COLLECTOR_KEYS_H
#define SLUICE_NET_COLLECTOR_KEYS_H

#include "pipeline/net/auth_settings.h"

/* Embed it in a block's struct and put its fields and its check into the block. */
struct collector_keys {
	struct auth_settings auth;
	bool auth_present;
	const struct config_node *middlewares, *cors;
};

#define COLLECTOR_SERVER_FIELDS(type, member)                                                      \
	CONFIG_OPTIONAL_SET(type, member.auth, member.auth_present, "auth", &auth_server_block,    \
			    "Lets in who shows credentials; without it everybody."),               \
		CONFIG_NODE(type, member.middlewares, "middlewares",                               \
			    "Not in this build: refused when set.")

/* For HTTP servers that do not answer for browsers. */
#define COLLECTOR_CORS_FIELD(type, member)                                                         \
	CONFIG_NODE(type, member.cors, "cors",                                                     \
		    "Accepted with a warning: browsers' preflight requests get no permission.")

#define COLLECTOR_CLIENT_FIELDS(type, member)                                                      \
	CONFIG_OPTIONAL_SET(type, member.auth, member.auth_present, "auth", &auth_client_block,    \
			    "Puts credentials on each request; `headers` of the same name win."),  \
		CONFIG_NODE(type, member.middlewares, "middlewares",                               \
			    "Not in this build: refused when set.")

/* Reports what is set of ${keys}; ${path} is the block's. */
void collector_keys_check(const struct collector_keys *keys, const char *path,
			  struct config_report *report);

#endif
