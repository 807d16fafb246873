/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scrape or a probe looks like on one span.
 *
 * The path is the first of six attributes that the semantic conventions, old and new, and the
 * frameworks use for it; with a method known, only GET and HEAD are noise. A span without any path
 * (the ASGI children of FastAPI) is judged by its name: an optional prefix of a proxy, the method,
 * the path, and what ASGI appends. `name == "GET"` alone is never noise: it is what every HTTP
 * client span of an application is called.
 *
 * A remote procedure is known by rpc.service and rpc.method, by either alone that holds both, by the
 * path of its HTTP/2 request, or by the span's name, in the ways that the libraries for gRPC write it.
 */
#include "processors/scrape_filter/rules.h"

#include "pipeline/graph/trace_memory_config.h"
#include "pipeline/vocabulary/llm_stack.h"
#include "processors/scrape_filter/rpcs.h"

/* Prometheus, Kubernetes, and what the engines, gateways and frameworks of this field answer to. */
static const char *const default_paths[] = {"/metrics",
					    "/prometheus",
					    "/prometheus/metrics",
					    "/actuator/prometheus",
					    "/q/metrics",
					    "/health",
					    "/healthz",
					    "/healthz/*",
					    "/live",
					    "/livez",
					    "/livez/*",
					    "/liveness",
					    "/ready",
					    "/readyz",
					    "/readyz/*",
					    "/readiness",
					    "/health/live",
					    "/health/ready",
					    "/health/liveness",
					    "/health/liveliness",
					    "/health/readiness",
					    "/health/startup",
					    "/v2/health/*",
					    "/v2/models/*/ready",
					    "/actuator/health",
					    "/actuator/health/*",
					    "/q/health",
					    "/q/health/*",
					    "/-/healthy",
					    "/-/ready",
					    "/ping",
					    "/load",
					    "/version"};
/* Probes that let the model say a word: SGLang, TensorRT-LLM. */
static const char *const default_generating[] = {"/health_generate"};
/* gRPC's own health service, and Open Inference (Triton, KServe, TorchServe). */
static const char *const default_rpcs[] = {
	"grpc.health.v1.Health/*", "*GRPCInferenceService/ServerLive",
	"*GRPCInferenceService/ServerReady", "*GRPCInferenceService/ModelReady"};
static const char *const path_keys[SCRAPE_PATH_KEYS] = {"url.path",  "http.route", "http.target",
							"http.path", "url.full",   "http.url"};
static const char *const method_keys[2] = {"http.request.method", "http.method"};
static const char *const rpc_method_keys[2] = {"rpc.method", "grpc.method"};
static const char *const rpc_service_keys[1] = {"rpc.service"};
static const char *const mcp_method_keys[1] = {"mcp.method.name"};
static const char *const event_keys[2] = {"asgi.event.type", "type"};
static const char *const asgi_suffixes[] = {" http send", " http receive", " websocket send",
					    " websocket receive"};

/* ---- patterns ------------------------------------------------------------------------------- */

/* A trailing slash says nothing: "/metrics/" is "/metrics". */
static struct slice without_slash(struct slice path)
{
	while (path.len > 0 && path.ptr[path.len - 1] == '/')
		path.len--;
	return path;
}

struct gathering {
	const struct component_env *env;
	struct config_report *report;
	bool failed;
};

static void add_pattern(struct gathering *gathering, struct scrape_patterns *patterns,
			struct slice text)
{
	if (patterns_add(patterns, text))
		return;
	if (!gathering->failed)
		config_problem(gathering->report, CONFIG_ERROR, (struct config_loc){0},
			       gathering->env->path, NULL, "more than %d entries in one list",
			       SCRAPE_PATTERNS_MAX);
	gathering->failed = true;
}

static void add_all(struct gathering *gathering, struct scrape_patterns *patterns,
		    const char *const *defaults, size_t default_count,
		    const struct config_strings *more)
{
	for (size_t i = 0; i < default_count; i++)
		add_pattern(gathering, patterns, slice_str(defaults[i]));
	for (size_t i = 0; more && i < more->count; i++)
		add_pattern(gathering, patterns, slice_str(more->at[i]));
}

static void add_names(struct gathering *gathering, struct scrape_patterns *patterns,
		      const struct stack_names *defaults, const struct config_strings *more)
{
	for (size_t i = 0; i < defaults->count; i++)
		add_pattern(gathering, patterns, defaults->at[i]);
	for (size_t i = 0; i < more->count; i++)
		add_pattern(gathering, patterns, slice_str(more->at[i]));
}

static void add_paths(struct gathering *gathering, struct scrape_patterns *patterns,
		      const struct config_strings *more)
{
	for (size_t i = 0; i < more->count; i++)
		add_pattern(gathering, patterns, without_slash(slice_str(more->at[i])));
}

static void add_keys(struct gathering *gathering, key_id *ids, const char *const *keys,
		     size_t count)
{
	struct err err;
	for (size_t i = 0; i < count && !gathering->failed; i++) {
		ids[i] = key_table_add(gathering->env->keys, slice_str(keys[i]), &err);
		if (ids[i] != KEY_ID_NONE)
			continue;
		config_problem(gathering->report, CONFIG_ERROR, (struct config_loc){0},
			       gathering->env->path, NULL, "%s", err.msg);
		gathering->failed = true;
	}
}

static void gather_probes(struct gathering *gathering, struct scrape_rules *rules,
			  const struct scrape_filter_config *config)
{
	if (config->default_paths) {
		add_all(gathering, &rules->paths, default_paths, ARRAY_COUNT(default_paths), NULL);
		add_all(gathering, &rules->generating, default_generating,
			ARRAY_COUNT(default_generating), NULL);
	}
	add_paths(gathering, &rules->paths, &config->paths);
	add_paths(gathering, &rules->generating, &config->generating_paths);
	add_paths(gathering, &rules->kept_paths, &config->keep_paths);
	add_all(gathering, &rules->rpcs, default_rpcs,
		config->default_rpcs ? ARRAY_COUNT(default_rpcs) : 0, &config->rpcs);
	rules->mcp_ping = config->default_rpcs;
}

bool scrape_rules_init(struct scrape_rules *rules, const struct component_env *env,
		       const struct scrape_filter_config *config, struct config_report *report)
{
	struct gathering gathering = {.env = env, .report = report};
	rules->asgi_collapse = config->asgi_collapse;
	gather_probes(&gathering, rules, config);
	if (config->background)
		add_names(&gathering, &rules->background, &stack_background_spans,
			  &config->background_names);
	add_names(&gathering, &rules->prefixes, &stack_proxy_prefixes, &config->name_prefixes);
	add_names(&gathering, &rules->protected, &stack_request_spans, &config->protect);
	add_keys(&gathering, rules->path_keys, path_keys, SCRAPE_PATH_KEYS);
	add_keys(&gathering, rules->method_keys, method_keys, ARRAY_COUNT(method_keys));
	add_keys(&gathering, rules->event_keys, event_keys, ARRAY_COUNT(event_keys));
	add_keys(&gathering, rules->rpc_method_keys, rpc_method_keys, ARRAY_COUNT(rpc_method_keys));
	add_keys(&gathering, &rules->rpc_service_key, rpc_service_keys, 1);
	add_keys(&gathering, &rules->mcp_method_key, mcp_method_keys, 1);
	return !gathering.failed;
}

/* ---- one span ------------------------------------------------------------------------------- */

/* The text under the first of ${keys} that the span has as a string. */
static bool find_text(const struct trace_view *view, uint32_t span, const key_id *keys,
		      size_t count, struct slice *ret_text)
{
	struct value value;
	for (size_t i = 0; i < count; i++) {
		if (!view_find_attr(view, (struct owner){OWNER_SPAN, span}, keys[i], &value) ||
		    value.type != VALUE_STRING)
			continue;
		*ret_text = value.bytes;
		return true;
	}
	return false;
}

static struct slice until(struct slice text, uint8_t a, uint8_t b)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == a || text.ptr[i] == b)
			return slice_of(text.ptr, i);
	}
	return text;
}

/* The path of a path with query, or of an absolute URL (RFC 3986 §3). */
static struct slice path_of(struct slice url)
{
	struct slice head = until(url, '?', '#');
	if (head.len > 0 && head.ptr[0] != '/') {
		const uint8_t *scheme_end = memmem(head.ptr, head.len, "://", 3);
		if (!scheme_end)
			return (struct slice){NULL, 0};
		size_t off = (size_t)(scheme_end - head.ptr) + 3;
		struct slice rest = slice_of(head.ptr + off, head.len - off);
		size_t host_len = until(rest, '/', '/').len;
		head = slice_of(rest.ptr + host_len, rest.len - host_len);
	}
	return without_slash(head);
}

static bool is_read_method(struct slice method)
{
	return slice_equal(method, SLICE("GET")) || slice_equal(method, SLICE("HEAD"));
}

static struct slice without_prefix(const struct scrape_patterns *prefixes, struct slice name)
{
	for (size_t i = 0; i < prefixes->count; i++) {
		struct slice prefix = prefixes->at[i].head;
		if (slice_has_prefix(name, prefix))
			return slice_of(name.ptr + prefix.len, name.len - prefix.len);
	}
	return name;
}

static struct slice without_asgi_suffix(struct slice name)
{
	for (size_t i = 0; i < ARRAY_COUNT(asgi_suffixes); i++) {
		struct slice suffix = slice_str(asgi_suffixes[i]);
		if (slice_has_suffix(name, suffix))
			return slice_of(name.ptr, name.len - suffix.len);
	}
	return name;
}

/* Whether a request for ${path} is noise. */
static bool path_is_noise(const struct scrape_rules *rules, struct slice path, bool *ret_generates)
{
	bool generates = patterns_match(&rules->generating, path);
	if (!generates && !patterns_match(&rules->paths, path))
		return false;
	if (rules->kept_paths.count > 0 && patterns_match(&rules->kept_paths, path))
		return false;
	*ret_generates = generates;
	return true;
}

static bool is_rpc_noise(const struct scrape_rules *rules, const struct trace_view *view,
			 uint32_t span)
{
	struct slice service = {NULL, 0}, method = {NULL, 0};
	bool named = find_text(view, span, rules->rpc_method_keys,
			       ARRAY_COUNT(rules->rpc_method_keys), &method);
	named |= find_text(view, span, &rules->rpc_service_key, 1, &service);
	if (named && (rpcs_match_full(&rules->rpcs, method) ||
		      rpcs_match_pair(&rules->rpcs, service, method)))
		return true;
	return rules->mcp_ping && find_text(view, span, &rules->mcp_method_key, 1, &method) &&
	       slice_equal(method, SLICE("ping"));
}

/* ---- names ---- */

/* "llm_d.pd_proxy.GET /metrics http send" and shorter forms of it. */
static bool name_is_noise(const struct scrape_rules *rules, struct slice name, bool *ret_generates)
{
	name = without_asgi_suffix(without_prefix(&rules->prefixes, name));
	size_t method_len = until(name, ' ', ' ').len;
	if (method_len + 1 >= name.len || name.ptr[method_len + 1] != '/' ||
	    !is_read_method(slice_of(name.ptr, method_len)))
		return false;
	struct slice path = slice_of(name.ptr + method_len + 1, name.len - method_len - 1);
	return path_is_noise(rules, path_of(path), ret_generates);
}

bool scrape_rules_asgi_name(struct slice name)
{
	return without_asgi_suffix(name).len < name.len;
}

static bool is_asgi_event(const struct scrape_rules *rules, const struct trace_view *view,
			  uint32_t span)
{
	struct slice type;
	return view_span_kind(view, span) == SPAN_KIND_INTERNAL &&
	       find_text(view, span, rules->event_keys, ARRAY_COUNT(rules->event_keys), &type) &&
	       (slice_equal(type, SLICE("http.request")) ||
		slice_equal(type, SLICE("http.response.start")) ||
		slice_equal(type, SLICE("http.response.body")));
}

/* The rules about what was asked for. */
static enum scrape_rule match_request(const struct scrape_rules *rules,
				      const struct trace_view *view, uint32_t span,
				      bool *ret_generates)
{
	struct slice url, method;
	struct slice name = view_span_name(view, span);
	if (is_rpc_noise(rules, view, span))
		return RULE_RPC;
	if (!find_text(view, span, rules->path_keys, SCRAPE_PATH_KEYS, &url)) {
		if (name_is_noise(rules, name, ret_generates))
			return RULE_NAME;
		return rpcs_match_name(&rules->rpcs, name) ? RULE_RPC : RULE_NONE;
	}
	struct slice path = path_of(url);
	if (path_is_noise(rules, path, ret_generates))
		return !find_text(view, span, rules->method_keys, ARRAY_COUNT(rules->method_keys),
				  &method) ||
				       is_read_method(method)
			       ? RULE_PATH
			       : RULE_NONE;
	return rpcs_match_full(&rules->rpcs, path) ? RULE_RPC : RULE_NONE;
}

enum scrape_rule scrape_rules_match(const struct scrape_rules *rules, const struct trace_view *view,
				    uint32_t span, bool *ret_generates)
{
	bool generates = false;
	enum scrape_rule rule = match_request(rules, view, span, &generates);
	if (rule == RULE_NONE && view_span_kind(view, span) == SPAN_KIND_INTERNAL &&
	    view_span_parent(view, span).len == 0 &&
	    patterns_match(&rules->background, view_span_name(view, span)))
		rule = RULE_BACKGROUND;
	if (rule == RULE_NONE && rules->asgi_collapse && is_asgi_event(rules, view, span))
		rule = RULE_ASGI;
	if (rule != RULE_NONE)
		*ret_generates = generates;
	return rule;
}

bool scrape_rules_protect(const struct scrape_rules *rules, const struct trace_view *view,
			  uint32_t span)
{
	return patterns_match(&rules->protected, view_span_name(view, span));
}

bool scrape_rules_has_target(const struct scrape_rules *rules, const struct trace_view *view,
			     uint32_t span)
{
	struct slice text, name = view_span_name(view, span);
	return (name.len > 0 && name.ptr[0] == '/') || memmem(name.ptr, name.len, " /", 2) ||
	       find_text(view, span, rules->path_keys, SCRAPE_PATH_KEYS, &text) ||
	       find_text(view, span, rules->rpc_method_keys, ARRAY_COUNT(rules->rpc_method_keys),
			 &text);
}
