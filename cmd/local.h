/* SPDX-License-Identifier: Apache-2.0 */
/* A local collector with its built-in configuration (configs/dev.yaml), shared by dev and demo. */
#ifndef SLUICE_CMD_LOCAL_H
#define SLUICE_CMD_LOCAL_H

#include "cmd/collector.h"

struct local {
	struct collector_options options;
	uint64_t grpc_port, http_port; /* wished, 0: the default; after the start: in use */
	const char *set;	       /* one more value under what the user sets; NULL: none */
	struct collector collector;
	char grpc_set[96], http_set[96]; /* private: options.sets points to them */
};

#define LOCAL_OPTIONS(local)                                                                       \
	{"--grpc-port", 0, OPTION_NUMBER, &(local).grpc_port, "N", "Default 4317."},               \
		{"--http-port", 0, OPTION_NUMBER, &(local).http_port, "N", "Default 4318."},       \
		{"--config",  0,                                                                   \
		 OPTION_LIST, &(local).options.configs,                                            \
		 "URI",	      "Merged over the built-in configuration (configs/dev.yaml)."},       \
		COLLECTOR_OPTIONS((local).options)

/* Starts it with the built-in configuration under what the user gave. A port that is in use is
 * named with its holder, and the next free one is taken. ${ready} as of collector_init, with the
 * ports known. False after a message, with nothing left to finish; else go on with collector_wait
 * and collector_fini. */
MUST_CHECK bool local_start(struct local *local, void (*ready)(void *arg, struct graph *graph),
			    void *arg);

#endif
