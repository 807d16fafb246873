/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where to connect to, as users write it: one line each with an endpoint, a proxy URL, a NO_PROXY
 * list; the rest is a proxy's answer. Whatever is accepted can be put into a request without
 * becoming a second one, and says the same when it is written out and read again.
 */
#include "pipeline/net/client.h"
#include "pipeline/net/proxy.h"
#include "pipeline/net/unix_address.h"
#include "tests/support/fuzz_script.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_BYTES_MAX = 2048, PORT_DEFAULT = 4317 };

static struct {
	char endpoint[LINE_BYTES_MAX], proxy[LINE_BYTES_MAX], no_proxy[LINE_BYTES_MAX];
} lines;

/* Only the lower-case names are set, so that both are asked for. */
static char *get_env(const char *name)
{
	static char empty[1];
	if (strcmp(name, "http_proxy") == 0 || strcmp(name, "https_proxy") == 0)
		return lines.proxy;
	if (strcmp(name, "no_proxy") == 0)
		return lines.no_proxy;
	return name[0] == 'H' ? empty : NULL;
}

static void take_line(struct slice *script, char *line)
{
	struct slice taken = fuzz_line(script);
	size_t len = taken.len < LINE_BYTES_MAX ? taken.len : LINE_BYTES_MAX - 1;
	memcpy(line, taken.ptr, len);
	line[len] = 0;
}

static bool is_plain(const char *text)
{
	for (; *text; text++) {
		if ((uint8_t)*text <= ' ' || *text == 0x7f)
			return false;
	}
	return true;
}

/* Its path says the same when it is read again, and fits into an address. */
static void check_unix(struct arena *arena, const struct endpoint *endpoint)
{
	struct endpoint again;
	struct sockaddr_un address;
	struct err err;
	fuzz_must(endpoint->port == 0 && endpoint->path[0] == 0 && endpoint->tls < 0);
	fuzz_must(unix_address_set(endpoint->host, &address) > 0);
	fuzz_must(!strpbrk(endpoint->host, "\r\n"));
	fuzz_must(endpoint_parse(endpoint->host, 1, arena, &again, &err) == 0);
	fuzz_must(strcmp(again.host, endpoint->host) == 0);
}

static void check_endpoint(struct arena *arena, const struct endpoint *endpoint)
{
	char text[2 * LINE_BYTES_MAX];
	struct endpoint again;
	struct err err;
	bool v6 = strchr(endpoint->host, ':') != NULL;
	fuzz_must(endpoint->port != 0 && endpoint->host[0] != 0);
	fuzz_must(is_plain(endpoint->host) && is_plain(endpoint->path));
	fuzz_must(endpoint->path[0] == 0 || endpoint->path[0] == '/');
	/* "dns:///": a host may be called "http", and "http:4317" is no address */
	(void)snprintf(text, sizeof(text), v6 ? "%s[%s]:%u%s" : "%s%s:%u%s",
		       endpoint->tls < 0 ? "dns:///"
		       : endpoint->tls	 ? "https://"
					 : "http://",
		       endpoint->host, endpoint->port, endpoint->path);
	fuzz_must(endpoint_parse(text, 1, arena, &again, &err) == 0);
	fuzz_must(strcmp(again.host, endpoint->host) == 0 && again.port == endpoint->port &&
		  strcmp(again.path, endpoint->path) == 0 && again.tls == endpoint->tls);
}

/* One request, whatever host and credentials are made of. */
static void check_request(const struct proxy *proxy, const struct endpoint *endpoint)
{
	struct buf request = BUF_INIT;
	fuzz_must(proxy->port != 0 && is_plain(proxy->host));
	proxy_request_write(proxy, endpoint->host, endpoint->port, &request);
	struct slice text = buf_slice(&request);
	size_t lines_wanted = proxy->authorization[0] ? 4 : 3, ends = 0;
	for (size_t i = 0; i < text.len; i++) {
		bool is_end = text.ptr[i] == '\n';
		fuzz_must(!is_end || text.ptr[i - 1] == '\r');
		ends += is_end;
	}
	fuzz_must(ends == lines_wanted && slice_has_suffix(text, SLICE("\r\n\r\n")));
	buf_fini(&request);
}

static void choose_proxy(const struct endpoint *endpoint, const char *url)
{
	struct proxy proxy;
	struct err err = {0};
	bool tls = endpoint->tls > 0;
	if (proxy_choose(url, endpoint->host, endpoint->port, tls, get_env, &proxy, &err) != 0) {
		fuzz_must(err.kind == ERR_CONFIG);
		return;
	}
	if (proxy.host[0])
		check_request(&proxy, endpoint);
	if (!url && proxy.host[0])
		fuzz_must(!proxy_is_exempt(lines.no_proxy, endpoint->host, endpoint->port));
}

/* The length of the answer does not depend on how much of what follows has come. */
static void check_reply(struct slice reply)
{
	int status = -1, status_then = -1;
	size_t len = proxy_reply_parse(reply, &status);
	fuzz_must(len <= reply.len);
	if (len == 0)
		return;
	fuzz_must(status >= 0 && status <= 999);
	fuzz_must(proxy_reply_parse(slice_of(reply.ptr, len - 1), &status_then) == 0);
	fuzz_must(proxy_reply_parse(slice_of(reply.ptr, len), &status_then) == len);
	fuzz_must(status_then == status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	struct endpoint endpoint;
	struct arena arena;
	struct err err = {0};
	if (size == 0)
		return 0;
	take_line(&script, lines.endpoint);
	take_line(&script, lines.proxy);
	take_line(&script, lines.no_proxy);
	arena_init(&arena, NULL, 64 << 10);
	if (endpoint_parse(lines.endpoint, PORT_DEFAULT, &arena, &endpoint, &err) == 0) {
		if (unix_address_is(endpoint.host)) {
			check_unix(&arena, &endpoint);
		} else {
			check_endpoint(&arena, &endpoint);
			choose_proxy(&endpoint, lines.proxy);
			choose_proxy(&endpoint, NULL);
		}
	} else {
		fuzz_must(err.kind == ERR_CONFIG && err.msg[0] != 0);
	}
	check_reply(script);
	arena_fini(&arena);
	return 0;
}
