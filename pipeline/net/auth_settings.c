/* SPDX-License-Identifier: Apache-2.0 */
/* The block `auth`: see auth_settings.h. Whether there is such an extension is the graph's to say. */
#include "pipeline/net/auth_settings.h"

#define AUTHENTICATOR                                                                              \
	CONFIG_STRING(struct auth_settings, authenticator, "authenticator", "",                    \
		      "Id of an extension, which is in service.extensions.")

static const struct config_field server_fields[] = {
	AUTHENTICATOR,
	CONFIG_IGNORED(STRING_LIST, "request_params",
		       "Accepted; no authenticator reads query parameters."),
};
const struct config_block auth_server_block = CONFIG_BLOCK(struct auth_settings, server_fields);

static const struct config_field client_fields[] = {AUTHENTICATOR};
const struct config_block auth_client_block = CONFIG_BLOCK(struct auth_settings, client_fields);
