/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dialect: what a service takes, or means by its answers, that plain OTLP does not say. Its
 * exporter's folder defines it. One that has an OTLP endpoint stands in dialects.def besides, and
 * is found by the endpoint's path, so that otlp_http speaks to that service as its exporter does.
 */
#ifndef SLUICE_EXPORTERS_OTLP_OTLP_DIALECT_H
#define SLUICE_EXPORTERS_OTLP_OTLP_DIALECT_H

#include "pipeline/delivery/export.h"
#include "pipeline/net/client.h"
#include "pipeline/trace/keys/key_table.h"

/* A batch as the service takes it. */
struct otlp_body {
	struct chunk *chunk; /* a reference; NULL: the batch's own bytes are sent */
	uint32_t left_out;   /* spans that are not in it; all of them: nothing is sent */
};

struct otlp_dialect {
	const char *name; /* of the service, for people */
	/* Whether ${url} (an OTLP base URL or the full URL of traces) is the service's. NULL: it has
	 * no OTLP endpoint. */
	bool (*matches)(const char *url);
	const char *path; /* gRPC: "/package.Service/Method"; NULL: OTLP's own */
	const char *header_name, *header_value; /* sent unless configured; NULL: none */
	/* What is wrong with another compression than gzip and none; NULL: nothing. */
	const char *compression_fault;
	/* Why OTLP/JSON is not sent, though configured. NULL: it is. */
	const char *json_notice;
	/* What make works with; ${budget} and ${keys} outlive it. NULL return: out of memory. NULL
	 * slot: the exporter brings it. */
	void *(*create)(struct budget *budget, const struct key_table *keys);
	/* -1 with ${err}: ERR_LIMIT when ${batch} has to be split (EXPORT_SPLIT), ERR_DECODE when its
	 * body never can be made. */
	int (*make)(void *self, const struct batch *batch, struct otlp_body *ret_body,
		    struct err *err);
	/* Corrects what otlp_classify made of ${answer}. */
	void (*judge)(const struct client_result *answer, struct export_result *result);
	void (*destroy)(void *self); /* NULL is accepted */
};

/* The dialect of dialects.def whose endpoint ${url} is; NULL: plain OTLP. */
const struct otlp_dialect *otlp_dialect_find(const char *url);

#endif
