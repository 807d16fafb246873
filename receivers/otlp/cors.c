/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See cors.h. What is allowed and sent follows the Collector's: credentials always, POST as the
 * only method, the header fields that Fetch always allows and those configured. `*` as an origin is
 * answered with `*`, never with the origin itself: a browser then refuses to send credentials,
 * which is what a rule for everybody should mean.
 */
#include "receivers/otlp/cors.h"

static void check_origins(const struct config_strings *origins, const char *path,
			  struct config_report *report)
{
	for (size_t i = 0; i < origins->count; i++) {
		const char *star = strchr(origins->at[i], '*');
		if (star && strchr(star + 1, '*'))
			config_problem(report, CONFIG_ERROR, origins->nodes[i]->loc, path, NULL,
				       "'allowed_origins': only one * can stand in an origin, "
				       "\"%s\" has more",
				       origins->at[i]);
	}
}

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	(void)node;
	check_origins(&((const struct cors_config *)config)->allowed_origins, path, report);
}

static const struct config_field fields[] = {
	CONFIG_STRING_LIST(struct cors_config, allowed_origins, "allowed_origins",
			   "Origins whose pages may send, as \"https://app.example\"; one * may "
			   "stand for any text. Empty: no cross-origin requests."),
	CONFIG_STRING_LIST(
		struct cors_config, allowed_headers, "allowed_headers",
		"Header fields that pages may send, beside Accept, Accept-Language, "
		"Content-Language and Content-Type; * for any. Unset: X-Requested-With."),
	CONFIG_STRING_LIST(struct cors_config, exposed_headers, "exposed_headers",
			   "Header fields of the answer that pages may read."),
	CONFIG_U32(struct cors_config, max_age_s, "max_age", "0", 0, 4294967295.0, "s",
		   "How long a browser may keep the answer to a preflight; 0: its own default."),
};
const struct config_block cors_block = CONFIG_BLOCK_CHECKED(struct cors_config, fields, check);

bool cors_init(struct cors *cors, const struct cors_config *config, struct arena *arena)
{
	*cors = (struct cors){.config = config};
	if (config->max_age_s > 0 &&
	    !(cors->max_age = arena_printf(arena, "%u", config->max_age_s)))
		return false;
	for (size_t i = 0; i < config->exposed_headers.count; i++) {
		const char *before = cors->exposed;
		cors->exposed = arena_printf(arena, "%s%s%s", before ? before : "",
					     before ? ", " : "", config->exposed_headers.at[i]);
		if (!cors->exposed)
			return false;
	}
	return true;
}

/* ---- what is allowed ------------------------------------------------------------------------ */

static struct slice until(struct slice text, size_t len)
{
	return slice_of(text.ptr, len);
}

/* ${origin} against a pattern with at most one *; ASCII case is ignored. */
static bool origin_matches(const char *pattern, struct slice origin)
{
	const char *star = strchr(pattern, '*');
	if (!star)
		return slice_equal_nocase(slice_str(pattern), origin);
	struct slice head = slice_of(pattern, (size_t)(star - pattern)), tail = slice_str(star + 1);
	return origin.len >= head.len + tail.len &&
	       slice_equal_nocase(head, until(origin, head.len)) &&
	       slice_equal_nocase(tail, slice_of(origin.ptr + origin.len - tail.len, tail.len));
}

/* The value of Access-Control-Allow-Origin; empty when ${origin} is not allowed. */
static struct slice allowed_origin(const struct cors *cors, struct slice origin)
{
	const struct config_strings *origins = &cors->config->allowed_origins;
	bool allowed = false;
	for (size_t i = 0; i < origins->count && origin.len > 0; i++) {
		if (strcmp(origins->at[i], "*") == 0)
			return SLICE("*");
		allowed = allowed || origin_matches(origins->at[i], origin);
	}
	return allowed ? origin : SLICE("");
}

static bool field_allowed(const struct cors *cors, struct slice name)
{
	static const char *const always[] = {"accept", "accept-language", "content-language",
					     "content-type"};
	const struct config_strings *more = &cors->config->allowed_headers;
	for (size_t i = 0; i < ARRAY_COUNT(always); i++) {
		if (slice_equal_nocase(name, slice_str(always[i])))
			return true;
	}
	if (more->count == 0)
		return slice_equal_nocase(name, SLICE("x-requested-with"));
	for (size_t i = 0; i < more->count; i++) {
		if (strcmp(more->at[i], "*") == 0 ||
		    slice_equal_nocase(name, slice_str(more->at[i])))
			return true;
	}
	return false;
}

/* Every name of a comma-separated list. */
static bool fields_allowed(const struct cors *cors, struct slice list)
{
	while (list.len > 0) {
		const uint8_t *comma = memchr(list.ptr, ',', list.len);
		size_t len = comma ? (size_t)(comma - list.ptr) : list.len;
		struct slice name = slice_trim(until(list, len));
		if (name.len > 0 && !field_allowed(cors, name))
			return false;
		len += comma != NULL;
		list = slice_of(list.ptr + len, list.len - len);
	}
	return true;
}

/* ---- answers -------------------------------------------------------------------------------- */

bool cors_is_preflight(const struct cors *cors, const struct server_request *request)
{
	return cors->config->allowed_origins.count > 0 &&
	       slice_equal(request->method, SLICE("OPTIONS")) &&
	       server_request_header(request, "access-control-request-method").len > 0;
}

static size_t allow_origin(struct server_header *headers, struct slice origin)
{
	headers[0] = (struct server_header){"access-control-allow-origin", origin};
	headers[1] = (struct server_header){"access-control-allow-credentials", SLICE("true")};
	return 2;
}

size_t cors_preflight_headers(const struct cors *cors, const struct server_request *request,
			      struct server_header *ret_headers)
{
	struct slice origin = allowed_origin(cors, server_request_header(request, "origin"));
	struct slice method = server_request_header(request, "access-control-request-method");
	struct slice names = server_request_header(request, "access-control-request-headers");
	size_t count = 0;
	ret_headers[count++] = (struct server_header){
		"vary",
		SLICE("Origin, Access-Control-Request-Method, Access-Control-Request-Headers")};
	if (origin.len == 0 || !slice_equal(method, SLICE("POST")) || !fields_allowed(cors, names))
		return count;
	count += allow_origin(ret_headers + count, origin);
	ret_headers[count++] = (struct server_header){"access-control-allow-methods", method};
	if (names.len > 0)
		ret_headers[count++] =
			(struct server_header){"access-control-allow-headers", names};
	if (cors->max_age)
		ret_headers[count++] =
			(struct server_header){"access-control-max-age", slice_str(cors->max_age)};
	return count;
}

size_t cors_headers(const struct cors *cors, const struct server_request *request,
		    struct server_header *ret_headers)
{
	size_t count = 0;
	if (cors->config->allowed_origins.count == 0)
		return 0;
	struct slice origin = allowed_origin(cors, server_request_header(request, "origin"));
	ret_headers[count++] = (struct server_header){"vary", SLICE("Origin")};
	if (origin.len == 0)
		return count;
	count += allow_origin(ret_headers + count, origin);
	if (cors->exposed)
		ret_headers[count++] = (struct server_header){"access-control-expose-headers",
							      slice_str(cors->exposed)};
	return count;
}
