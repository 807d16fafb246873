/* SPDX-License-Identifier: Apache-2.0 */
/* Texts to listen addresses; see listen_address.h. No state. */
#include "pipeline/net/listen_address.h"

#include "pipeline/base/ascii.h"
#include "pipeline/net/shell_variable.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

enum { UNIX_PATH_BYTES_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

/* ---- wrong forms that have a name ---- */

static int refuse_form(const char *endpoint, struct err *err)
{
	if (shell_variable_refuse(slice_str(endpoint), err) != 0)
		return -1;
	if (endpoint[0] == '/' || strncmp(endpoint, "unix:", 5) == 0)
		return err_set(err, ERR_CONFIG,
			       "address %s: a socket in the file system needs transport: unix, and "
			       "its path alone as the endpoint",
			       endpoint);
	if (strstr(endpoint, "://"))
		return err_set(err, ERR_CONFIG,
			       "address %s: a server listens at host:port; leave out what stands "
			       "before the host",
			       endpoint);
	if (strchr(endpoint, '/'))
		return err_set(err, ERR_CONFIG,
			       "address %s: a server listens at host:port; leave out the path",
			       endpoint);
	return 0;
}

/* ---- the host ---- */

static bool is_name_byte(char byte)
{
	return ascii_is_alnum((uint8_t)byte) || byte == '.' || byte == '-' || byte == '_';
}

static int check_v6(const char *endpoint, const char *host, struct err *err)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct in6_addr address;
	size_t len = strcspn(host, "%"); /* a zone may follow (RFC 6874) */
	if (len < sizeof(text))
		memcpy(text, host, len);
	if (inet_pton(AF_INET6, text, &address) != 1)
		return err_set(err, ERR_CONFIG, "address %s: no IPv6 address between '[' and ']'",
			       endpoint);
	return 0;
}

static int check_name(const char *endpoint, const char *host, struct err *err)
{
	struct in_addr address;
	for (const char *at = host; *at; at++) {
		if (!is_name_byte(*at))
			return err_set(err, ERR_CONFIG,
				       "address %s: invalid character in host name", endpoint);
	}
	bool is_number = *host && strspn(host, "0123456789.") == strlen(host);
	if (is_number && inet_pton(AF_INET, host, &address) != 1)
		return err_set(err, ERR_CONFIG, "address %s: %s is no IPv4 address", endpoint,
			       host);
	return 0;
}

static int check_family(const char *endpoint, const struct listen_address *address, bool is_v6,
			struct err *err)
{
	struct in_addr number;
	bool is_v4 = inet_pton(AF_INET, address->host, &number) == 1;
	if (address->family == AF_INET && is_v6)
		return err_set(err, ERR_CONFIG, "address %s: no IPv4 address for transport tcp4",
			       endpoint);
	if (address->family == AF_INET6 && is_v4 && !listen_address_is_any(address))
		return err_set(err, ERR_CONFIG, "address %s: no IPv6 address for transport tcp6",
			       endpoint);
	return 0;
}

/* ---- host and port ---- */

/* "[::1]:4317" -> "::1", 4317. */
static int split(const char *endpoint, struct listen_address *address, bool *ret_v6,
		 struct err *err)
{
	const char *colon = strrchr(endpoint, ':'), *start = endpoint;
	uint64_t port;
	if (!colon || strchr(colon, ']'))
		return err_set(err, ERR_CONFIG, "address %s: missing port in address", endpoint);
	size_t len = (size_t)(colon - endpoint);
	bool has_brackets = len >= 2 && start[0] == '[' && start[len - 1] == ']';
	if (has_brackets) {
		start++;
		len -= 2;
	} else if (memchr(start, ':', len)) {
		return err_set(err, ERR_CONFIG,
			       "address %s: too many colons in address; an IPv6 address needs "
			       "brackets: [::1]:4317",
			       endpoint);
	}
	if (!slice_parse_u64(slice_str(colon + 1), &port) || port > UINT16_MAX)
		return err_set(err, ERR_CONFIG, "address %s: invalid port \"%s\"", endpoint,
			       colon + 1);
	if (len >= LISTEN_HOST_BYTES)
		return err_set(err, ERR_CONFIG, "address %s: host name too long", endpoint);
	memcpy(address->host, start, len);
	address->host[len] = 0;
	address->port = (uint16_t)port;
	*ret_v6 = has_brackets;
	return 0;
}

static int parse_unix(const char *path, struct err *err)
{
	if (!path[0])
		return err_set(err, ERR_CONFIG, "listen unix: the endpoint has no path");
	if (strlen(path) > UNIX_PATH_BYTES_MAX)
		return err_set(err, ERR_CONFIG, "listen unix %s: path too long", path);
	return 0;
}

static int parse_transport(const char *transport, struct listen_address *address, struct err *err)
{
	static const struct {
		const char *name;
		int family;
	} families[] = {{"tcp", AF_UNSPEC}, {"tcp4", AF_INET}, {"tcp6", AF_INET6}};
	address->is_unix = strcmp(transport, "unix") == 0;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		if (strcmp(transport, families[i].name) == 0) {
			address->family = families[i].family;
			return 0;
		}
	}
	if (address->is_unix)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "unknown transport \"%s\": netaddr: invalid transport type (tcp, tcp4, tcp6 "
		       "or unix)",
		       transport);
}

int listen_address_parse(const char *transport, const char *endpoint,
			 struct listen_address *ret_address, struct err *err)
{
	struct listen_address address = {.family = AF_UNSPEC};
	bool is_v6 = false;
	if (parse_transport(transport, &address, err) != 0)
		return -1;
	if (address.is_unix) {
		if (parse_unix(endpoint, err) != 0)
			return -1;
	} else if (refuse_form(endpoint, err) != 0 || split(endpoint, &address, &is_v6, err) != 0 ||
		   (is_v6 ? check_v6(endpoint, address.host, err)
			  : check_name(endpoint, address.host, err)) != 0 ||
		   check_family(endpoint, &address, is_v6, err) != 0) {
		return -1;
	}
	*ret_address = address;
	return 0;
}

/* ---- comparing ---- */

bool listen_address_is_any(const struct listen_address *address)
{
	return !address->host[0] || strcmp(address->host, "0.0.0.0") == 0 ||
	       strcmp(address->host, "::") == 0;
}

bool listen_host_is_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strncmp(host, "127.", 4) == 0;
}

bool listen_address_overlaps(const struct listen_address *a, const char *path_a,
			     const struct listen_address *b, const char *path_b)
{
	if (a->is_unix || b->is_unix)
		return a->is_unix && b->is_unix && strcmp(path_a, path_b) == 0;
	bool two_families =
		a->family != b->family && a->family != AF_UNSPEC && b->family != AF_UNSPEC;
	if (a->port == 0 || a->port != b->port || two_families)
		return false;
	if (listen_address_is_any(a) || listen_address_is_any(b) ||
	    strcasecmp(a->host, b->host) == 0)
		return true;
	/* localhost is 127.0.0.1 and ::1. */
	const char *other = strcasecmp(a->host, "localhost") == 0   ? b->host
			    : strcasecmp(b->host, "localhost") == 0 ? a->host
								    : "";
	return strcmp(other, "127.0.0.1") == 0 || strcmp(other, "::1") == 0;
}
