/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From --config arguments to one tree: read each source, parse it with libyaml's events, unwrap an
 * OpenTelemetryCollector custom resource, merge left to right, and expand ${…} last
 * (facts of the Collector: docs/design/configuration.md).
 */
#ifndef SLUICE_CONFIG_LOAD_H
#define SLUICE_CONFIG_LOAD_H

#include "pipeline/base/error.h"
#include "pipeline/config/report.h"

enum {
	CONFIG_SOURCE_BYTES_MAX = 4 << 20, /* one file or variable */
	CONFIG_DEPTH_MAX = 100,		   /* nesting of maps and lists */
	CONFIG_NODES_MAX = 200000,	   /* of all sources, aliases counted each time */
	CONFIG_TOTAL_BYTES_MAX = 64 << 20, /* of all sources and ${file:…} together */
	CONFIG_EXPANSIONS_MAX = 1000,	   /* nested ${…}, as the Collector's cap */
	CONFIG_EXPANSIONS_ALL_MAX = 20000, /* ${…} of all sources, aliases counted each time */
};

struct config_source_env {
	/* Value of an environment variable, NULL when unset. Injected by tests; getenv otherwise. */
	const char *(*get)(void *arg, const char *name);
	void *arg;
};

struct config_source_file {
	/* Appends the file at ${path} to ${ret_text}; 0, or -1 with ${err}. Injected by tests and the
	 * fuzzer; NULL: the file system. */
	int (*read)(void *arg, const char *path, struct buf *ret_text, struct err *err);
	void *arg;
};

struct config_load {
	const char *const *uris; /* "file:x.yaml", "x.yaml", "env:NAME", "yaml:a::b: c" */
	size_t uri_count;
	const char *const *sets; /* --set a.b.c=v */
	size_t set_count;
	struct config_source_env env;
	struct config_source_file files;
};

/* The merged tree (a CONFIG_MAP), or NULL when ${report} has errors. Everything lives in
 * report->arena. Nothing is opened but the named files. */
const struct config_node *config_load(const struct config_load *load, struct config_report *report);

#endif
