/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoint forms of the Collector's clients: "host:port", a URL, and gRPC's target names:
 * "dns:///host:port", "passthrough:host:port", "unix:path", "unix:///path", "unix-abstract:name".
 * Nothing is resolved here.
 */
#include "pipeline/base/ascii.h"
#include "pipeline/net/client.h"
#include "pipeline/net/shell_variable.h"
#include "pipeline/net/unix_address.h"

#include <arpa/inet.h>

enum { HTTP_PORT = 80, HTTPS_PORT = 443, HOST_BYTES_MAX = 253 /* RFC 1035 §2.3.4 as text */ };

static const struct scheme {
	struct slice name; /* with its colon */
	int tls;	   /* as struct endpoint */
	uint16_t port;	   /* 0: the caller's default */
	bool is_url;	   /* a path may follow the address */
} schemes[] = {
	{SLICE_INIT("http:"), 0, HTTP_PORT, true},
	{SLICE_INIT("https:"), 1, HTTPS_PORT, true},
	{SLICE_INIT("dns:"), -1, 0, false},
	{SLICE_INIT("passthrough:"), -1, 0, false},
};

static const struct scheme no_scheme = {SLICE_INIT(""), -1, 0, false};

static struct slice slice_from(struct slice s, size_t start)
{
	return slice_of(s.ptr + start, s.len - start);
}

/* The index of ${byte} in ${s}, s.len when absent. */
static size_t find(struct slice s, uint8_t byte)
{
	const uint8_t *at = s.len > 0 ? memchr(s.ptr, byte, s.len) : NULL;
	return at ? (size_t)(at - s.ptr) : s.len;
}

static const struct scheme *scheme_of(struct slice text)
{
	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
		struct slice name = schemes[i].name;
		if (text.len >= name.len && slice_equal_nocase(slice_of(text.ptr, name.len), name))
			return &schemes[i];
	}
	return &no_scheme;
}

/* Cuts the scheme and what is before the address; ${rest} is left with address and path. */
static int cut_scheme(const struct scheme *scheme, struct slice *rest, struct err *err)
{
	*rest = slice_from(*rest, scheme->name.len);
	bool has_slashes = slice_has_prefix(*rest, SLICE("//"));
	if (scheme == &no_scheme) {
		for (size_t i = 0; i + 3 <= rest->len; i++) {
			if (memcmp(rest->ptr + i, "://", 3) == 0)
				return err_set(err, ERR_CONFIG, "unsupported scheme \"%.*s\"",
					       (int)(i < 32 ? i : 32), (const char *)rest->ptr);
		}
		return 0;
	}
	if (scheme->is_url && !has_slashes)
		return err_set(err, ERR_CONFIG, "expected \"//\" after \"%.*s\"",
			       SLICE_FMT(scheme->name));
	if (!has_slashes)
		return 0;
	*rest = slice_from(*rest, 2);
	if (!scheme->is_url) {
		/* dns://name-server/host:port; which name server to ask is the system's choice */
		size_t slash = find(*rest, '/');
		*rest = slice_from(*rest, slash < rest->len ? slash + 1 : slash);
	}
	return 0;
}

/* Splits "host", "host:port", "[v6]", "[v6]:port"; ${ret_port} is empty when there is none. */
static int split_address(struct slice address, struct slice *ret_host, struct slice *ret_port,
			 struct err *err)
{
	if (address.len > 0 && address.ptr[0] == '[') {
		size_t end = find(address, ']');
		if (end == address.len)
			return err_set(err, ERR_CONFIG, "missing ']' in address");
		*ret_host = slice_of(address.ptr + 1, end - 1);
		struct slice after = slice_from(address, end + 1);
		if (after.len > 0 && after.ptr[0] != ':')
			return err_set(err, ERR_CONFIG, "expected ':' after ']' in address");
		*ret_port = after.len > 0 ? slice_from(after, 1) : after;
		return after.len == 1 ? err_set(err, ERR_CONFIG, "invalid port \"\"") : 0;
	}
	size_t colon = find(address, ':');
	*ret_host = slice_of(address.ptr, colon);
	if (colon == address.len) {
		*ret_port = (struct slice){0};
		return 0;
	}
	*ret_port = slice_from(address, colon + 1);
	if (find(*ret_port, ':') < ret_port->len)
		return err_set(err, ERR_CONFIG,
			       "too many colons in address; an IPv6 address needs brackets");
	return ret_port->len == 0 ? err_set(err, ERR_CONFIG, "invalid port \"\"") : 0;
}

static int parse_port(struct slice text, uint16_t *ret_port, struct err *err)
{
	uint64_t port;
	if (!slice_parse_u64(text, &port) || port == 0 || port > UINT16_MAX)
		return err_set(err, ERR_CONFIG, "invalid port \"%.*s\"",
			       (int)(text.len < 32 ? text.len : 32), (const char *)text.ptr);
	*ret_port = (uint16_t)port;
	return 0;
}

static bool is_host_byte(uint8_t byte, bool is_v6)
{
	if (ascii_is_alnum(byte) || byte == '.' || byte == '-' || byte == '_')
		return true;
	/* RFC 6874: a zone follows "%" */
	return byte >= 0x80 || (is_v6 && (byte == ':' || byte == '%'));
}

/* Only IPv6 addresses stand in brackets (RFC 3986 §3.2.2); a zone may follow. */
static bool is_v6_address(struct slice host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t len = find(host, '%');
	if (len >= sizeof(text))
		return false;
	memcpy(text, host.ptr, len);
	text[len] = 0;
	return inet_pton(AF_INET6, text, &address) == 1;
}

static int check_host(struct slice host, bool is_v6, struct err *err)
{
	if (host.len > HOST_BYTES_MAX)
		return err_set(err, ERR_CONFIG, "host name is longer than %d bytes",
			       HOST_BYTES_MAX);
	for (size_t i = 0; i < host.len; i++) {
		if (!is_host_byte(host.ptr[i], is_v6))
			return err_set(err, ERR_CONFIG, "invalid character in host name");
	}
	if (is_v6 && !is_v6_address(host))
		return err_set(err, ERR_CONFIG, "no IPv6 address between '[' and ']'");
	return 0;
}

static int check_path(struct slice path, struct err *err)
{
	for (size_t i = 0; i < path.len; i++) {
		if (path.ptr[i] <= ' ' || path.ptr[i] >= 0x7f || path.ptr[i] == '#')
			return err_set(err, ERR_CONFIG, "invalid character in path");
	}
	return 0;
}

/* Where the address ends: at a path, a query or a fragment. */
static size_t address_end(struct slice rest)
{
	size_t slash = find(rest, '/'), query = find(rest, '?'), fragment = find(rest, '#');
	size_t end = slash < query ? slash : query;
	return end < fragment ? end : fragment;
}

static int parse_address(struct slice rest, uint16_t default_port, struct arena *arena,
			 struct endpoint *ret_endpoint, struct err *err)
{
	const struct scheme *scheme = scheme_of(rest);
	if (cut_scheme(scheme, &rest, err) < 0)
		return -1;
	size_t end = address_end(rest);
	struct slice address = slice_of(rest.ptr, end), path = slice_from(rest, end);
	if (shell_variable_refuse(address, err) < 0)
		return -1;
	if (path.len > 0 && !scheme->is_url)
		return err_set(err, ERR_CONFIG, "a path needs http:// or https:// before the host");
	if (find(address, '@') < address.len)
		return err_set(err, ERR_CONFIG,
			       "credentials do not belong in an endpoint; set headers");
	struct slice host, port_text;
	uint16_t port = scheme->port ? scheme->port : default_port;
	if (split_address(address, &host, &port_text, err) < 0 ||
	    check_host(host, address.len > 0 && address.ptr[0] == '[', err) < 0 ||
	    check_path(path, err) < 0 ||
	    (port_text.len > 0 && parse_port(port_text, &port, err) < 0))
		return -1;
	if (host.len == 0 && (scheme->is_url || port_text.len == 0))
		return err_set(err, ERR_CONFIG, "endpoint has no host");
	if (host.len == 0)
		host = SLICE("localhost"); /* ":4317", as Go dials it */
	struct slice host_copy = arena_copy(arena, host);
	/* No path before a query is the root: no request target begins with "?". */
	const char *root = path.len > 0 && path.ptr[0] == '?' ? "/" : "";
	const char *path_copy = arena_printf(arena, "%s%.*s", root, SLICE_FMT(path));
	if (!host_copy.ptr || !path_copy)
		return err_set(err, ERR_NOMEM, "no memory for an endpoint");
	*ret_endpoint = (struct endpoint){
		.host = (const char *)host_copy.ptr,
		.path = path_copy,
		.port = port,
		.tls = scheme->tls,
	};
	return 0;
}

/* What is after "unix:" or "unix-abstract:", as grpc-go reads it: "//" stands before an authority,
 * which has to be empty. */
static int parse_unix(struct slice path, bool is_abstract, struct arena *arena,
		      struct endpoint *ret_endpoint, struct err *err)
{
	struct sockaddr_un address;
	bool has_slashes = slice_has_prefix(path, SLICE("//"));
	if (has_slashes)
		path = slice_from(path, 2);
	if (has_slashes && (path.len == 0 || path.ptr[0] != '/'))
		return err_set(err, ERR_CONFIG,
			       "the path of a unix socket begins with a slash: unix:///path");
	while (slice_has_prefix(path, SLICE("//")))
		path = slice_from(path, 1); /* the same file; "unix://" would begin an authority */
	for (size_t i = 0; i < path.len; i++) {
		if (path.ptr[i] < ' ' || path.ptr[i] == 0x7f)
			return err_set(err, ERR_CONFIG, "invalid character in path");
	}
	const char *host =
		arena_printf(arena, "unix:%s%.*s", is_abstract ? "@" : "", SLICE_FMT(path));
	if (!host)
		return err_set(err, ERR_NOMEM, "no memory for an endpoint");
	if (unix_address_set(host, &address) == 0)
		return err_set(err, ERR_CONFIG, "the path of a unix socket has 1 to %d bytes",
			       UNIX_PATH_BYTES_MAX);
	*ret_endpoint = (struct endpoint){.host = host, .path = "", .port = 0, .tls = -1};
	return 0;
}

int endpoint_parse(const char *text, uint16_t default_port, struct arena *arena,
		   struct endpoint *ret_endpoint, struct err *err)
{
	static const struct slice unix_file = SLICE_INIT("unix:"),
				  unix_abstract = SLICE_INIT("unix-abstract:");
	struct slice rest = slice_trim(slice_str(text));
	if (rest.len == 0)
		return err_set(err, ERR_CONFIG, "endpoint is empty");
	if (slice_has_prefix(rest, unix_file))
		return parse_unix(slice_from(rest, unix_file.len), false, arena, ret_endpoint, err);
	if (slice_has_prefix(rest, unix_abstract))
		return parse_unix(slice_from(rest, unix_abstract.len), true, arena, ret_endpoint,
				  err);
	return parse_address(rest, default_port, arena, ret_endpoint, err);
}
