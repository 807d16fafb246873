/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that look at one span alone. For processors/scrape_filter/ only. */
#ifndef SLUICE_PROCESSORS_SCRAPE_FILTER_RULES_H
#define SLUICE_PROCESSORS_SCRAPE_FILTER_RULES_H

#include "pipeline/graph/component.h"
#include "processors/scrape_filter/patterns.h"

/* Why a span goes. The first five look at the span alone, the others at its ancestors. */
enum scrape_rule {
	RULE_NONE = 0,
	RULE_PATH,	 /* the path it serves or calls is a scrape's or a probe's */
	RULE_NAME,	 /* its name says so: "GET /metrics http send" */
	RULE_RPC,	 /* the remote procedure it serves or calls is a probe's */
	RULE_BACKGROUND, /* root of work that no request asked for */
	RULE_ASGI,	 /* one event of an ASGI response (asgi_collapse) */
	RULE_DESCENDANT, /* below a span that goes, in the same request */
	RULE_REMEMBERED, /* below a span that went with an earlier request */
	RULE_COUNT
};

struct scrape_filter_config {
	bool default_paths, default_rpcs, background, asgi_collapse, closure;
	uint64_t child_wait_ns;
	struct config_strings paths, keep_paths, generating_paths, rpcs;
	struct config_strings background_names, name_prefixes, protect;
	struct trace_memory_limits memory;
};

extern const struct config_block scrape_filter_block; /* for struct scrape_filter_config */

enum { SCRAPE_PATH_KEYS = 6 };

struct scrape_rules {
	struct scrape_patterns paths, kept_paths, generating, rpcs, background, protected;
	struct scrape_patterns prefixes;    /* none has a '*' */
	key_id path_keys[SCRAPE_PATH_KEYS]; /* in order of preference */
	key_id method_keys[2], event_keys[2], rpc_method_keys[2], rpc_service_key, mcp_method_key;
	bool mcp_ping;
	bool asgi_collapse;
};

/* Registers keys and gathers the patterns, defaults first. False when a problem was reported. */
bool scrape_rules_init(struct scrape_rules *rules, const struct component_env *env,
		       const struct scrape_filter_config *config, struct config_report *report);

/* The rule by which ${span} goes, RULE_NONE when none applies. *ret_generates, set unless that is so:
 * all that is below the span goes with it, protected spans, too. */
enum scrape_rule scrape_rules_match(const struct scrape_rules *rules, const struct trace_view *view,
				    uint32_t span, bool *ret_generates);

/* True for names that ASGI gives to the events of a request: such spans are leaves. */
bool scrape_rules_asgi_name(struct slice name);

/* True for spans that no rule may drop, because a request's story needs them. */
bool scrape_rules_protect(const struct scrape_rules *rules, const struct trace_view *view,
			  uint32_t span);

/* Whether ${span} says what it serves or calls, so that the rules above have judged it for itself: by a
 * path, in an attribute or its name, or by a remote procedure. */
bool scrape_rules_has_target(const struct scrape_rules *rules, const struct trace_view *view,
			     uint32_t span);

#endif
