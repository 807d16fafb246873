/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in configuration of a local collector, shared by dev and demo. */
#ifndef SLUICE_CMD_LOCAL_H
#define SLUICE_CMD_LOCAL_H

#include "cmd/collector.h"

struct local {
	uint16_t grpc_port, http_port; /* in: wished; out: free ones */
	char config[8192];	       /* private: the texts that options point to */
	char grpc_set[96], http_set[96];
};

/* Puts the built-in configuration and the ports into ${options}, before what the user gave. A busy
 * port is named with its holder, and the next free one is taken. False when none is free. */
bool local_prepare(struct local *local, struct collector_options *options);

#endif
