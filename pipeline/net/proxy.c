/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment's variables, the URL of the proxy, the list of exceptions, and CONNECT.
 * Credentials never enter a message.
 */
#include "pipeline/net/proxy.h"

#include "pipeline/base/arena.h"
#include "pipeline/base/hex.h"
#include "pipeline/net/basic_auth.h"
#include "pipeline/net/client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { PROXY_PORT_DEFAULT = 80, ADDRESS_TEXT_MAX = 64, PARSE_BYTES_MAX = 4096 };

/* An address in its 16-byte form; IPv4 is mapped (RFC 4291 §2.5.5.2), as Go compares them. */
struct address {
	uint8_t bytes[16];
	bool is_v4;
};

static struct slice slice_from(struct slice s, size_t start)
{
	return slice_of(s.ptr + start, s.len - start);
}

static size_t find_last(struct slice s, uint8_t byte)
{
	const uint8_t *at = s.len > 0 ? memrchr(s.ptr, byte, s.len) : NULL;
	return at ? (size_t)(at - s.ptr) : s.len;
}

static bool address_parse(struct slice text, struct address *ret_address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char copy[ADDRESS_TEXT_MAX];
	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	if (inet_pton(AF_INET, copy, ret_address->bytes + 12) == 1) {
		memcpy(ret_address->bytes, mapped, sizeof(mapped));
		ret_address->is_v4 = true;
		return true;
	}
	if (inet_pton(AF_INET6, copy, ret_address->bytes) != 1)
		return false;
	ret_address->is_v4 = memcmp(ret_address->bytes, mapped, sizeof(mapped)) == 0;
	return true;
}

static bool address_is_loopback(const struct address *address)
{
	static const uint8_t v6_loopback[16] = {[15] = 1};
	return address->is_v4 ? address->bytes[12] == 127
			      : memcmp(address->bytes, v6_loopback, sizeof(v6_loopback)) == 0;
}

static bool prefix_equal(const uint8_t *a, const uint8_t *b, uint64_t bits)
{
	size_t whole = bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> (bits % 8));
	return memcmp(a, b, whole) == 0 && (bits % 8 == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

/* "10.0.0.0/8". Sets ${ret_is_cidr}; true when it contains ${address}. */
static bool cidr_matches(struct slice entry, const struct address *address, bool *ret_is_cidr)
{
	size_t slash = find_last(entry, '/');
	struct address network;
	uint64_t bits;
	*ret_is_cidr = slash < entry.len && address_parse(slice_of(entry.ptr, slash), &network) &&
		       slice_parse_u64(slice_from(entry, slash + 1), &bits) &&
		       bits <= (network.is_v4 ? 32 : 128);
	if (!*ret_is_cidr || !address || network.is_v4 != address->is_v4)
		return false;
	return prefix_equal(network.bytes, address->bytes, bits + (network.is_v4 ? 96 : 0));
}

/* Cuts ":port" off, and the brackets of an IPv6 address that has one. False: no host is left. */
static bool cut_port(struct slice *entry, struct slice *ret_port)
{
	size_t colon = find_last(*entry, ':');
	*ret_port = (struct slice){0};
	if (colon == entry->len)
		return true;
	struct slice host = slice_of(entry->ptr, colon);
	bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	if (!bracketed && memchr(host.ptr, ':', host.len))
		return true; /* a bare IPv6 address */
	*ret_port = slice_from(*entry, colon + 1);
	*entry = bracketed ? slice_of(host.ptr + 1, host.len - 2) : host;
	return entry->len > 0;
}

/* "foo.com" matches itself and its subdomains, ".foo.com" and "*.foo.com" the latter only. */
static bool domain_matches(struct slice entry, struct slice host)
{
	bool also_itself = entry.ptr[0] != '.';
	if (slice_has_prefix(entry, SLICE("*."))) {
		entry = slice_from(entry, 1);
		also_itself = false;
	}
	if (also_itself && slice_equal_nocase(entry, host))
		return true;
	if (!host.ptr || host.len < entry.len + (also_itself ? 1 : 0))
		return false;
	size_t before = host.len - entry.len;
	if (also_itself && host.ptr[before - 1] != '.')
		return false;
	return slice_equal_nocase(slice_from(host, before), entry);
}

static bool entry_matches(struct slice entry, struct slice host, const struct address *address,
			  uint16_t port)
{
	bool is_cidr;
	if (slice_equal(entry, SLICE("*")))
		return true;
	bool contained = cidr_matches(entry, address, &is_cidr);
	if (is_cidr)
		return contained;
	struct slice port_text;
	uint64_t wanted;
	if (!cut_port(&entry, &port_text))
		return false;
	if (port_text.len > 0 && (!slice_parse_u64(port_text, &wanted) || wanted != port))
		return false;
	struct address named;
	if (address_parse(entry, &named))
		return address && memcmp(named.bytes, address->bytes, sizeof(named.bytes)) == 0;
	return domain_matches(entry, host);
}

bool proxy_is_exempt(const char *no_proxy, const char *host_text, uint16_t port)
{
	struct slice host = slice_str(host_text), rest = slice_str(no_proxy);
	struct address parsed;
	const struct address *address = address_parse(host, &parsed) ? &parsed : NULL;
	if (slice_equal_nocase(host, SLICE("localhost")) ||
	    (address && address_is_loopback(address)))
		return true;
	while (rest.len > 0) {
		const uint8_t *comma = memchr(rest.ptr, ',', rest.len);
		size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
		struct slice entry = slice_trim(slice_of(rest.ptr, len));
		if (entry.len > 0 && entry_matches(entry, host, address, port))
			return true;
		rest = slice_from(rest, comma ? len + 1 : len);
	}
	return false;
}

/* "user:password", percent-encoded (RFC 3986 §3.2.1), to "Basic …" (RFC 7617). */
static int set_authorization(struct slice credentials, struct proxy *proxy, struct err *err)
{
	uint8_t plain[PROXY_CREDENTIAL_BYTES_MAX];
	size_t len = 0;
	bool has_colon = false;
	if (credentials.len >= sizeof(plain))
		return err_set(err, ERR_CONFIG, "proxy URL: user and password are too long");
	for (size_t i = 0; i < credentials.len; i++) {
		uint8_t byte = credentials.ptr[i];
		has_colon |= byte == ':';
		if (byte == '%') {
			int escaped = percent_value(credentials, i);
			if (escaped < 0)
				return err_set(err, ERR_CONFIG, "proxy URL: invalid escape");
			byte = (uint8_t)escaped;
			i += 2;
		}
		plain[len++] = byte;
	}
	if (!has_colon)
		plain[len++] = ':';
	basic_auth_write(slice_of(plain, len), proxy->authorization);
	return 0;
}

static int proxy_parse(const char *url, struct proxy *ret_proxy, struct err *err)
{
	struct slice text = slice_trim(slice_str(url));
	bool has_scheme = strstr(url, "://") != NULL;
	if (has_scheme && strncasecmp((const char *)text.ptr, "http://", 7) != 0)
		return err_set(err, ERR_CONFIG, "proxy URL: only http:// proxies are supported");
	if (has_scheme)
		text = slice_from(text, 7);
	const uint8_t *slash = memchr(text.ptr, '/', text.len);
	if (slash)
		text.len = (size_t)(slash - text.ptr);
	size_t at = find_last(text, '@');
	if (at < text.len) {
		if (set_authorization(slice_of(text.ptr, at), ret_proxy, err) < 0)
			return -1;
		text = slice_from(text, at + 1);
	}
	char address[PROXY_HOST_BYTES_MAX + 16];
	if (text.len == 0 || text.len >= sizeof(address))
		return err_set(err, ERR_CONFIG, "proxy URL: expected http://host:port");
	memcpy(address, text.ptr, text.len);
	address[text.len] = 0;
	struct arena arena;
	struct endpoint endpoint;
	struct err detail;
	arena_init(&arena, NULL, PARSE_BYTES_MAX);
	int rc = endpoint_parse(address, PROXY_PORT_DEFAULT, &arena, &endpoint, &detail);
	if (rc == 0 && endpoint.port == 0)
		rc = -1; /* a unix socket */
	if (rc == 0) {
		snprintf(ret_proxy->host, sizeof(ret_proxy->host), "%s", endpoint.host);
		ret_proxy->port = endpoint.port;
	}
	arena_fini(&arena);
	return rc < 0 ? err_set(err, ERR_CONFIG, "proxy URL: expected http://host:port") : 0;
}

static const char *first_set(proxy_getenv_f *get, const char *upper, const char *lower)
{
	const char *value = get(upper);
	if (!value || !*value)
		value = get(lower);
	return value ? value : "";
}

int proxy_choose(const char *url, const char *host, uint16_t port, bool tls, proxy_getenv_f *get,
		 struct proxy *ret_proxy, struct err *err)
{
	*ret_proxy = (struct proxy){0};
	if (!url) {
		url = tls ? first_set(get, "HTTPS_PROXY", "https_proxy")
			  : first_set(get, "HTTP_PROXY", "http_proxy");
		if (!*url || proxy_is_exempt(first_set(get, "NO_PROXY", "no_proxy"), host, port))
			return 0;
	}
	return *url ? proxy_parse(url, ret_proxy, err) : 0;
}

void proxy_request_write(const struct proxy *proxy, const char *host, uint16_t port,
			 struct buf *request)
{
	const char *open = strchr(host, ':') ? "[" : "", *close = *open ? "]" : "";
	buf_printf(request, "CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n", open, host, close,
		   port, open, host, close, port);
	if (proxy->authorization[0])
		buf_printf(request, "Proxy-Authorization: %s\r\n", proxy->authorization);
	buf_append_str(request, "\r\n");
}

size_t proxy_reply_parse(struct slice bytes, int *ret_status)
{
	const uint8_t *end = bytes.len > 0 ? memmem(bytes.ptr, bytes.len, "\r\n\r\n", 4) : NULL;
	if (!end)
		return 0;
	uint64_t status;
	struct slice code = bytes.len > 12 ? slice_of(bytes.ptr + 9, 3) : (struct slice){0};
	bool is_http = (slice_has_prefix(bytes, SLICE("HTTP/1.1 ")) ||
			slice_has_prefix(bytes, SLICE("HTTP/1.0 "))) &&
		       slice_parse_u64(code, &status);
	*ret_status = is_http ? (int)status : 0;
	return (size_t)(end - bytes.ptr) + 4;
}
