/* SPDX-License-Identifier: Apache-2.0 */
/* The Collector's block `auth` of servers and clients (configauth): which authenticator. */
#ifndef SLUICE_NET_AUTH_SETTINGS_H
#define SLUICE_NET_AUTH_SETTINGS_H

#include "pipeline/config/bind.h"

struct auth_settings {
	const char *authenticator; /* id of an extension */
};

extern const struct config_block auth_server_block, auth_client_block;

#endif
