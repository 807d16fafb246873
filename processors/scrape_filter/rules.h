/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that look at one span alone. For processors/scrape_filter/ only. */
#ifndef SLUICE_PROCESSORS_SCRAPE_FILTER_RULES_H
#define SLUICE_PROCESSORS_SCRAPE_FILTER_RULES_H

#include "pipeline/graph/component.h"

/* Why a span goes. The first four look at the span alone, the others at its ancestors. */
enum scrape_rule {
	RULE_NONE = 0,
	RULE_PATH,	 /* the path it serves or calls is a scrape's or a probe's */
	RULE_NAME,	 /* its name says so: "GET /metrics http send" */
	RULE_BACKGROUND, /* root of work that no request asked for */
	RULE_ASGI,	 /* one event of an ASGI response (asgi_collapse) */
	RULE_DESCENDANT, /* below a span that goes, in the same request */
	RULE_REMEMBERED, /* below a span that went with an earlier request */
	RULE_COUNT
};

struct scrape_filter_config {
	bool default_paths, background, asgi_collapse, closure;
	struct config_strings paths, keep_paths, background_names, name_prefixes, protect;
	struct trace_memory_limits memory;
};

extern const struct config_block scrape_filter_block; /* for struct scrape_filter_config */

enum { SCRAPE_PATTERNS_MAX = 256 };

/* Texts to compare with; one that ends in '*' stands for all that begin so. */
struct scrape_patterns {
	struct slice at[SCRAPE_PATTERNS_MAX];
	size_t count;
};

enum { SCRAPE_PATH_KEYS = 6 };

struct scrape_rules {
	struct scrape_patterns paths, background, prefixes, protected;
	key_id path_keys[SCRAPE_PATH_KEYS]; /* in order of preference */
	key_id method_keys[2], event_keys[2];
	bool asgi_collapse;
};

/* Registers keys and gathers the patterns, defaults first. False when a problem was reported. */
bool scrape_rules_init(struct scrape_rules *rules, const struct component_env *env,
		       const struct scrape_filter_config *config, struct config_report *report);

/* The rule by which ${span} goes, RULE_NONE when none applies. */
enum scrape_rule scrape_rules_match(const struct scrape_rules *rules, const struct trace_view *view,
				    uint32_t span);

/* True for names that ASGI gives to the events of a request: such spans are leaves. */
bool scrape_rules_asgi_name(struct slice name);

/* True for spans that no rule may drop, because a request's story needs them. */
bool scrape_rules_protect(const struct scrape_rules *rules, const struct trace_view *view,
			  uint32_t span);

#endif
