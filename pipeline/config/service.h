/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The top level of a configuration: which components are defined, which pipelines they form, and
 * how the program tells about itself. What a component's own block means is bound by the graph,
 * which knows the component list; here ids and references are checked.
 */
#ifndef SLUICE_CONFIG_SERVICE_H
#define SLUICE_CONFIG_SERVICE_H

#include "pipeline/config/bind.h"

enum config_section {
	SECTION_RECEIVERS = 0,
	SECTION_PROCESSORS,
	SECTION_EXPORTERS,
	SECTION_EXTENSIONS,
	SECTION_CONNECTORS,
	SECTION_COUNT
};

/* One entry of a section, "otlp_http/cloud:". */
struct config_component {
	const char *id;	  /* as written, trimmed: "otlp_http/cloud" */
	const char *type; /* "otlp_http" */
	const char *name; /* "cloud", "" when none */
	struct config_loc loc;
	const struct config_node *node; /* may be CONFIG_NULL */
};

struct config_components {
	struct config_component *at;
	size_t count;
};

/* A reference from a pipeline: index into the components of the list's section. */
struct config_ref {
	size_t at;
	struct config_loc loc;
};

struct config_refs {
	struct config_ref *at;
	size_t count;
};

struct config_pipeline {
	const char *id; /* "traces", "traces/cloud" */
	struct config_loc loc;
	struct config_refs receivers, processors, exporters;
	struct config_refs from_connectors; /* connectors named among its receivers */
	struct config_refs to_connectors;   /* connectors named among its exporters */
};

struct config_prometheus {
	const char *host;					     /* default "localhost" */
	uint32_t port;						     /* default 8888 */
	bool without_scope_info, without_units, without_type_suffix; /* default true */
};

struct config_telemetry {
	int log_level;	  /* enum log_level */
	int log_encoding; /* enum log_encoding */
	bool log_sampling;
	uint64_t sampling_tick_ns;
	uint32_t sampling_initial, sampling_thereafter;
	int metrics_level; /* 0 none, 1 basic, 2 normal, 3 detailed */
	bool metrics_pull; /* a prometheus reader is configured (default true) */
	struct config_prometheus prometheus;
	struct config_loc metrics_loc; /* of its reader; file NULL: nobody wrote one */
};

struct config_service {
	struct config_components sections[SECTION_COUNT];
	struct config_pipeline *pipelines; /* traces only; others are a problem in the report */
	size_t pipeline_count;
	struct config_refs extensions;	/* service.extensions, in order */
	struct config_strings policies; /* service.policies: names of processors that must not be
					  * bypassed */
	struct config_telemetry telemetry;
};

/* What the Collector has under a name that is no component of this build, or only a former name. */
struct config_foreign_type {
	bool inert;   /* nothing about traces depends on it: left out with a line, not refused */
	bool removed; /* present versions of the Collector do not have it any more */
	const char *advice; /* what to use in its place, or why nothing is missing */
};

/* The types that exist, per section, for "unknown type" errors: sorted, NULL-terminated. */
struct config_known_types {
	const char *const *types[SECTION_COUNT];
	/* What to say of a type of ${section}: of one that is not among them, why it is not; of one
	 * that is, that it goes by another name now. NULL: nothing is known. May be NULL. */
	const struct config_foreign_type *(*foreign)(enum config_section section, const char *type);
};

/*
 * What --signals traces makes of ${root}: the same tree without the pipelines of other signals, and
 * without what only they use, known to this build or not: receivers, processors, exporters;
 * connectors between a traces pipeline and one of them; extensions that are named inside such
 * components alone. A traces pipeline that only led to left-out ones goes, too. One warning says what
 * was left out. NULL with a problem in ${report} when no pipeline is left, or the arena is exhausted.
 */
const struct config_node *config_keep_traces(const struct config_node *root,
					     struct config_report *report);

/*
 * Checks the top level of ${root} and resolves references. What has errors is left out of the result,
 * so that the blocks of the remaining components can still be bound and all problems show in one run:
 * whether anything may be started says report->error_count. NULL when there is nothing to bind.
 */
const struct config_service *config_service_bind(const struct config_node *root,
						 const struct config_known_types *known,
						 struct config_report *report);

#endif
