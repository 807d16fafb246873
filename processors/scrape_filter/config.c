/* SPDX-License-Identifier: Apache-2.0 */
/* The settings, and what of them makes no sense together. */
#include "processors/scrape_filter/rules.h"

#include "pipeline/graph/trace_memory_config.h"

static void check_paths(const struct config_strings *paths, const char *path,
			struct config_report *report)
{
	for (size_t i = 0; i < paths->count; i++) {
		if (paths->at[i][0] != '/')
			config_problem(report, CONFIG_ERROR, paths->nodes[i]->loc, path, NULL,
				       "a path begins with '/', not with \"%s\"", paths->at[i]);
	}
}

static void check_rpcs(const struct config_strings *rpcs, const char *path,
		       struct config_report *report)
{
	for (size_t i = 0; i < rpcs->count; i++) {
		if (!strchr(rpcs->at[i], '/') || rpcs->at[i][0] == '/')
			config_problem(report, CONFIG_ERROR, rpcs->nodes[i]->loc, path, NULL,
				       "a remote procedure is written service/Method, not \"%s\"",
				       rpcs->at[i]);
	}
}

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct scrape_filter_config *filter = config;
	(void)node;
	check_paths(&filter->paths, path, report);
	check_paths(&filter->keep_paths, path, report);
	check_paths(&filter->generating_paths, path, report);
	check_rpcs(&filter->rpcs, path, report);
}

static const struct config_field fields[] = {
	CONFIG_BOOL(struct scrape_filter_config, default_paths, "default_paths", "true",
		    "Drop the paths of scrapes and probes: /metrics, /health, /healthz, /livez, "
		    "/readyz, /v2/health/*, /ping and others."),
	CONFIG_STRING_LIST(struct scrape_filter_config, paths, "paths",
			   "More paths that are noise; `/probe/*` stands for all below it."),
	CONFIG_STRING_LIST(struct scrape_filter_config, keep_paths, "keep_paths",
			   "Paths that are not noise here, whatever list they are in."),
	CONFIG_STRING_LIST(struct scrape_filter_config, generating_paths, "generating_paths",
			   "More probes that make a generation, beside `/health_generate`: all "
			   "below them goes, protected spans, too."),
	CONFIG_BOOL(struct scrape_filter_config, default_rpcs, "default_rpcs", "true",
		    "Drop the health service of gRPC, ServerLive, ServerReady and ModelReady of "
		    "Open Inference, and MCP's ping."),
	CONFIG_STRING_LIST(struct scrape_filter_config, rpcs, "rpcs",
			   "More remote procedures that are noise: `service/Method`; `service/*` "
			   "stands for all of them."),
	CONFIG_STRING_LIST(struct scrape_filter_config, name_prefixes, "name_prefixes",
			   "More prefixes of span names before method and path, beside "
			   "`llm_d.pd_proxy.`."),
	CONFIG_BOOL(struct scrape_filter_config, background, "background", "true",
		    "Drop roots of background work: index_add, index_evict and their older names."),
	CONFIG_STRING_LIST(struct scrape_filter_config, background_names, "background_names",
			   "More names of background roots (no parent, kind internal)."),
	CONFIG_BOOL(struct scrape_filter_config, asgi_collapse, "asgi_collapse", "false",
		    "Also drop the send and receive spans of ASGI on requests that stay: one per "
		    "streamed piece."),
	CONFIG_BOOL(struct scrape_filter_config, closure, "closure", "true",
		    "Drop what is below a dropped span, unless a protected span is in there."),
	CONFIG_DURATION(
		struct scrape_filter_config, child_wait_ns, "child_wait", "6s",
		"How long a span that may belong to noise waits for its parent, which comes "
		"with a later request; 0: not at all."),
	CONFIG_STRING_LIST(struct scrape_filter_config, protect, "protect",
			   "More span names that are never dropped, beside `llm_request`, "
			   "`gateway.request`, `semantic_router.*`."),
	CONFIG_SUB(struct scrape_filter_config, memory, "trace_memory", &trace_memory_block,
		   "What is remembered of dropped spans between requests."),
};
const struct config_block scrape_filter_block =
	CONFIG_BLOCK_CHECKED(struct scrape_filter_config, fields, check);
