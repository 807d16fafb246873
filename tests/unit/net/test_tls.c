/* SPDX-License-Identifier: Apache-2.0 */
/* TLS contexts through connections: a client's and a server's on one loop. */
#include "pipeline/base/clock.h"
#include "pipeline/net/conn.h"
#include "pipeline/net/tls_session.h"
#include "tests/support/net_certificate.h"
#include "tests/support/net_peer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include <cmocka.h>

struct folder {
	char path[64], ca[96], other_ca[96], cert[96], key[96], client_cert[96], client_key[96];
	struct net_authority authority, other;
};

struct end {
	struct conn *conn;
	bool opened, closed, failed;
	struct err why;
	struct buf in;
	bool echo;
};

struct pair {
	struct loop loop;
	struct end client, server;
};

static void on_open(struct conn *conn, void *arg)
{
	(void)conn;
	((struct end *)arg)->opened = true;
}

static void on_data(struct conn *conn, void *arg, struct slice bytes)
{
	struct end *end = arg;
	buf_append(&end->in, bytes);
	if (end->echo)
		conn_write(conn, bytes);
}

static void on_close(struct conn *conn, void *arg, const struct err *why)
{
	struct end *end = arg;
	(void)conn;
	end->closed = true;
	end->failed = why != NULL;
	if (why)
		end->why = *why;
}

static const struct conn_events events = {on_open, on_data, NULL, on_close};

static bool is_settled(void *arg)
{
	struct pair *pair = arg;
	return (pair->client.opened && pair->server.opened) ||
	       (pair->client.closed && pair->server.closed);
}

static bool is_closed(void *arg)
{
	struct pair *pair = arg;
	return pair->client.closed && pair->server.closed;
}

/* Connects the two; afterwards both are open, or both closed. */
static void connect_pair(struct pair *pair, struct tls_context *server, struct tls_context *client,
			 const char *name)
{
	int ours, theirs;
	memset(pair, 0, sizeof(*pair));
	assert_int_equal(loop_init(&pair->loop, NULL), 0);
	net_tcp_pair(&ours, &theirs);
	pair->server.echo = true;
	pair->server.conn = conn_new(&pair->loop, ours, server, NULL, &events, &pair->server, NULL);
	pair->client.conn =
		conn_new(&pair->loop, theirs, client, name, &events, &pair->client, NULL);
	assert_non_null(pair->server.conn);
	assert_non_null(pair->client.conn);
	assert_true(net_run_until(&pair->loop, is_settled, pair));
}

static void close_pair(struct pair *pair)
{
	if (!pair->client.closed)
		conn_abort(pair->client.conn);
	if (!pair->server.closed)
		conn_abort(pair->server.conn);
	loop_fini(&pair->loop);
	assert_true(is_closed(pair));
	buf_fini(&pair->client.in);
	buf_fini(&pair->server.in);
}

static int set_up(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));
	(void)snprintf(f->path, sizeof(f->path), "/tmp/sluice-tls-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	(void)snprintf(f->ca, sizeof(f->ca), "%s/ca.pem", f->path);
	(void)snprintf(f->other_ca, sizeof(f->other_ca), "%s/other-ca.pem", f->path);
	(void)snprintf(f->cert, sizeof(f->cert), "%s/cert.pem", f->path);
	(void)snprintf(f->key, sizeof(f->key), "%s/key.pem", f->path);
	(void)snprintf(f->client_cert, sizeof(f->client_cert), "%s/client.pem", f->path);
	(void)snprintf(f->client_key, sizeof(f->client_key), "%s/client-key.pem", f->path);
	net_authority_init(&f->authority);
	net_authority_init(&f->other);
	net_authority_write(&f->authority, f->ca);
	net_authority_write(&f->other, f->other_ca);
	net_authority_issue(&f->authority, "localhost", f->cert, f->key);
	net_authority_issue(&f->authority, "client", f->client_cert, f->client_key);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *f = *state;
	const char *const files[] = {f->ca,  f->other_ca,    f->cert,
				     f->key, f->client_cert, f->client_key};
	for (size_t i = 0; i < ARRAY_COUNT(files); i++)
		(void)unlink(files[i]);
	(void)rmdir(f->path);
	net_authority_fini(&f->authority);
	net_authority_fini(&f->other);
	free(f);
	return 0;
}

static struct tls_context *owned_server_of(const struct folder *f, const char *client_ca,
					   const struct tls_owner *owner)
{
	struct err err;
	struct tls_config config = {
		.cert_file = f->cert, .key_file = f->key, .client_ca_file = client_ca};
	struct tls_context *context = tls_server_context(&config, "h2,http/1.1", owner, &err);
	if (!context)
		fail_msg("%s", err.msg);
	return context;
}

static struct tls_context *server_of(const struct folder *f, const char *client_ca)
{
	return owned_server_of(f, client_ca, NULL);
}

static struct tls_context *client_of(struct tls_config config)
{
	struct err err;
	struct tls_context *context = tls_client_context(&config, "h2,http/1.1", NULL, &err);
	if (!context)
		fail_msg("%s", err.msg);
	return context;
}

static bool has_echo(void *arg)
{
	return ((struct pair *)arg)->client.in.len >= 300000;
}

static void bytes_pass_and_alpn_is_chosen(void **state)
{
	struct folder *f = *state;
	struct tls_context *server = server_of(f, NULL);
	struct tls_context *client = client_of((struct tls_config){.ca_file = f->ca});
	struct pair pair;
	static uint8_t bytes[300000];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 255);
	connect_pair(&pair, server, client, "localhost");
	assert_true(slice_equal(conn_alpn(pair.client.conn), SLICE("h2")));
	assert_true(slice_equal(conn_alpn(pair.server.conn), SLICE("h2")));
	for (size_t at = 0; at < sizeof(bytes); at += 1000) /* many small segments to gather */
		conn_write(pair.client.conn, slice_of(bytes + at, 1000));
	assert_true(net_run_until(&pair.loop, has_echo, &pair));
	assert_memory_equal(pair.client.in.data, bytes, sizeof(bytes));
	conn_close(pair.client.conn, 1000);
	assert_true(net_run_until(&pair.loop, is_closed, &pair));
	assert_false(pair.server.failed);
	assert_false(pair.client.failed);
	close_pair(&pair);
	tls_context_free(server);
	tls_context_free(client);
}

static void a_certificate_is_verified(void **state)
{
	struct folder *f = *state;
	const struct {
		struct tls_config config;
		const char *name;
		bool ok;
	} cases[] = {
		{{.ca_file = f->ca}, "localhost", true},
		{{.ca_file = f->ca}, "127.0.0.1", true},
		{{.ca_file = f->ca}, "example.com", false},
		{{.ca_file = f->ca}, "127.0.0.2", false},
		{{.ca_file = f->ca, .server_name_override = "localhost"}, "example.com", true},
		{{.ca_file = f->other_ca}, "localhost", false},
		{{0}, "localhost", false}, /* the system's authorities do not know ours */
		{{.insecure_skip_verify = true}, "example.com", true},
	};
	struct tls_context *server = server_of(f, NULL);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct tls_context *client = client_of(cases[i].config);
		struct pair pair;
		connect_pair(&pair, server, client, cases[i].name);
		assert_int_equal(pair.client.opened, cases[i].ok);
		if (!cases[i].ok) {
			assert_int_equal(pair.client.why.kind, ERR_TLS);
			assert_non_null(strstr(pair.client.why.msg, "certificate is refused"));
		}
		close_pair(&pair);
		tls_context_free(client);
	}
	tls_context_free(server);
}

static void a_client_must_show_a_certificate_where_it_is_asked_for(void **state)
{
	struct folder *f = *state;
	struct tls_context *server = server_of(f, f->ca);
	struct tls_context *without = client_of((struct tls_config){.ca_file = f->ca});
	struct tls_context *with = client_of((struct tls_config){
		.ca_file = f->ca, .cert_file = f->client_cert, .key_file = f->client_key});
	struct pair pair;
	connect_pair(&pair, server, with, "localhost");
	assert_true(pair.server.opened);
	close_pair(&pair);
	connect_pair(&pair, server, without, "localhost");
	assert_true(net_run_until(&pair.loop, is_closed, &pair));
	assert_false(pair.server.opened);
	close_pair(&pair);
	tls_context_free(server);
	tls_context_free(without);
	tls_context_free(with);
}

/* One handshake that takes up ${before} unless it is NULL; what the client may take up next. */
static SSL_SESSION *shake_hands(struct tls_context *server, struct tls_context *client,
				SSL_SESSION *before)
{
	int ours, theirs;
	net_tcp_pair(&ours, &theirs);
	SSL *accepting = tls_session_new(server, ours, NULL, NULL);
	SSL *connecting = tls_session_new(client, theirs, "localhost", NULL);
	assert_true(accepting && connecting);
	if (before)
		assert_int_equal(SSL_set_session(connecting, before), 1);
	int accepted = 0, connected = 0;
	for (int turns = 0; (accepted != 1 || connected != 1) && turns < 100000; turns++) {
		connected = SSL_do_handshake(connecting);
		accepted = SSL_do_handshake(accepting);
		if (SSL_get_error(accepting, accepted) == SSL_ERROR_SSL)
			fail_msg("%s", ERR_reason_error_string(ERR_get_error()));
	}
	assert_int_equal(SSL_session_reused(accepting), before != NULL);
	SSL_SESSION *session = SSL_get1_session(connecting);
	SSL_SESSION_free(before);
	(void)SSL_shutdown(connecting); /* else its session counts as broken */
	(void)SSL_shutdown(accepting);
	SSL_free(connecting);
	SSL_free(accepting);
	(void)close(ours);
	(void)close(theirs);
	return session;
}

static void a_client_that_showed_its_certificate_may_resume(void **state)
{
	struct folder *f = *state;
	struct tls_context *server = server_of(f, f->ca);
	struct tls_context *client = client_of((struct tls_config){.ca_file = f->ca,
								   .cert_file = f->client_cert,
								   .key_file = f->client_key,
								   .max_version = "1.2"});
	SSL_SESSION *session = shake_hands(server, client, NULL);
	SSL_SESSION_free(shake_hands(server, client, session));
	tls_context_free(server);
	tls_context_free(client);
}

static void a_peer_without_tls_is_told_apart(void **state)
{
	struct folder *f = *state;
	struct tls_context *client = client_of((struct tls_config){.ca_file = f->ca});
	struct pair pair;
	connect_pair(&pair, NULL, client, "localhost"); /* the other end echoes our hello */
	assert_true(pair.client.closed);
	assert_int_equal(pair.client.why.kind, ERR_TLS);
	close_pair(&pair);
	tls_context_free(client);
}

/* Connects with a client that trusts only ${ca}; true when the certificate was of that authority.
 */
static bool is_served_by(struct tls_context *server, const char *ca)
{
	struct tls_context *client = client_of((struct tls_config){.ca_file = ca});
	struct pair pair;
	connect_pair(&pair, server, client, "localhost");
	bool ok = pair.client.opened;
	close_pair(&pair);
	tls_context_free(client);
	return ok;
}

struct reload {
	struct tls_context *server;
	const char *ca;
};

static bool is_reloaded(void *arg)
{
	struct reload *reload = arg;
	return is_served_by(reload->server, reload->ca);
}

static void changed_files_are_taken_up_and_bad_ones_are_not(void **state)
{
	struct folder *f = *state;
	struct tls_context *server = server_of(f, NULL);
	struct reload reload = {server, f->other_ca};
	assert_true(is_served_by(server, f->ca));
	net_authority_issue(&f->other, "localhost", f->cert, f->key);
	assert_true(net_run_until(NULL, is_reloaded, &reload));
	FILE *file = fopen(f->cert, "we");
	assert_non_null(file);
	(void)fputs("this is no certificate\n", file);
	(void)fclose(file);
	struct reload again = {server, f->ca};
	for (int i = 0; i < 20; i++)
		assert_false(is_reloaded(&again));
	assert_true(is_served_by(server, f->other_ca)); /* the old pair */
	net_authority_issue(&f->authority, "localhost", f->cert, f->key);
	assert_true(net_run_until(NULL, is_reloaded, &again));
	tls_context_free(server);
}

/* ---- what is told about reloads --------------------------------------------------------------- */

/* A log whose lines can be read back, and metrics. */
struct told {
	struct logger *logger;
	struct log log;
	struct metrics *metrics;
	int pipe[2];
	struct buf lines;
};

static void told_init(struct told *told, const char *kind)
{
	struct logger_config config = logger_config_default();
	memset(told, 0, sizeof(*told));
	assert_int_equal(pipe2(told->pipe, O_NONBLOCK | O_CLOEXEC), 0);
	config.fd = told->pipe[1];
	told->logger = logger_new(&config);
	told->log = (struct log){told->logger, kind, "otlp/x"};
	told->metrics = metrics_new();
	assert_true(told->logger && told->metrics);
}

static void told_fini(struct told *told)
{
	logger_free(told->logger);
	metrics_free(told->metrics);
	(void)close(told->pipe[0]);
	(void)close(told->pipe[1]);
	buf_fini(&told->lines);
}

static const char *told_lines(struct told *told)
{
	char bytes[4096];
	ssize_t len;
	while ((len = read(told->pipe[0], bytes, sizeof(bytes))) > 0)
		buf_append(&told->lines, slice_of(bytes, (size_t)len));
	return buf_cstr(&told->lines);
}

static double told_count(const struct told *told, const char *labels)
{
	double value = -1;
	(void)metrics_value(told->metrics, "sluice_tls_reloads", labels, &value);
	return value;
}

struct awaited {
	struct tls_context *server, *client;
	const struct told *told;
	const char *labels;
};

/* A handshake makes a context look at its files. */
static bool is_counted(void *arg)
{
	struct awaited *awaited = arg;
	struct pair pair;
	connect_pair(&pair, awaited->server, awaited->client, "localhost");
	close_pair(&pair);
	return told_count(awaited->told, awaited->labels) > 0;
}

static void spoil(const char *path)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	(void)fputs("this is no certificate\n", file);
	(void)fclose(file);
}

#define SERVER_LABELS "receiver=\"otlp/x\",listener=\"grpc\""
#define CLIENT_LABELS "exporter=\"otlp/x\""

static void a_servers_reloads_are_told(void **state)
{
	struct folder *f = *state;
	struct told told;
	double expiry = 0;
	told_init(&told, "receiver");
	const struct tls_owner owner = {&told.log, told.metrics, "grpc"};
	struct tls_context *server = owned_server_of(f, NULL, &owner);
	struct tls_context *client = client_of((struct tls_config){.insecure_skip_verify = true});
	struct awaited good = {server, client, &told, SERVER_LABELS ",outcome=\"success\""};
	struct awaited bad = {server, client, &told, SERVER_LABELS ",outcome=\"failure\""};
	assert_true(told_count(&told, good.labels) == 0 && told_count(&told, bad.labels) == 0);
	assert_true(metrics_value(told.metrics, "sluice_tls_certificate_expiry", SERVER_LABELS,
				  &expiry));
	assert_true(expiry > (double)(clock_wall_ns() / NS_PER_S));
	net_authority_issue(&f->other, "localhost", f->cert, f->key);
	assert_true(net_run_until(NULL, is_counted, &good));
	assert_non_null(strstr(told_lines(&told), "Reloaded TLS files"));
	assert_non_null(strstr(told_lines(&told), "info"));
	assert_null(strstr(told_lines(&told), "error"));
	spoil(f->cert);
	assert_true(net_run_until(NULL, is_counted, &bad));
	assert_non_null(strstr(told_lines(&told), "Failed to reload TLS files, keeping the old"));
	assert_non_null(strstr(told_lines(&told), f->cert));
	assert_true(told_count(&told, bad.labels) == 1); /* once for a bad file */
	assert_true(is_served_by(server, f->other_ca));
	tls_context_free(server);
	tls_context_free(client);
	told_fini(&told);
}

static void a_clients_reloads_are_told(void **state)
{
	struct folder *f = *state;
	struct told told;
	struct err err;
	told_init(&told, "exporter");
	const struct tls_owner owner = {&told.log, told.metrics, NULL};
	const struct tls_config config = {.ca_file = f->ca};
	struct tls_context *server = server_of(f, NULL);
	struct tls_context *client = tls_client_context(&config, "h2", &owner, &err);
	assert_non_null(client);
	struct awaited good = {server, client, &told, CLIENT_LABELS ",outcome=\"success\""};
	struct awaited bad = {server, client, &told, CLIENT_LABELS ",outcome=\"failure\""};
	double expiry;
	assert_false(metrics_value(told.metrics, "sluice_tls_certificate_expiry", CLIENT_LABELS,
				   &expiry)); /* it has no certificate */
	spoil(f->ca);
	assert_true(net_run_until(NULL, is_counted, &bad));
	assert_non_null(strstr(told_lines(&told), "failed to load CA certificates"));
	struct pair pair;
	connect_pair(&pair, server, client, "localhost");
	assert_true(pair.client.opened); /* by the old authority */
	close_pair(&pair);
	net_authority_write(&f->authority, f->ca);
	assert_true(net_run_until(NULL, is_counted, &good));
	assert_non_null(strstr(told_lines(&told), "Reloaded TLS files"));
	tls_context_free(server);
	tls_context_free(client);
	told_fini(&told);
}

static void wrong_configurations_say_what_is_wrong(void **state)
{
	struct folder *f = *state;
	const char *suites[] = {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_NULL_WITH_LUCK"};
	const struct {
		struct tls_config config;
		const char *text;
	} cases[] = {
		{{0},
		 "TLS configuration must include both certificate and key for server "
		 "connections"},
		{{.cert_file = f->cert}, "must include both certificate and key"},
		{{.cert_file = f->cert, .cert_pem = "x", .key_file = f->key}, "but not both"},
		{{.cert_file = "/nowhere.pem", .key_file = f->key},
		 "failed to load TLS certificate: /nowhere.pem: No such file or directory"},
		{{.cert_file = f->cert, .key_file = "/tmp"},
		 "failed to load TLS key: /tmp: Is a directory"},
		{{.cert_file = f->key, .key_file = f->key},
		 "holds a PRIVATE KEY, not a CERTIFICATE"},
		{{.cert_file = f->cert, .key_file = f->cert},
		 "holds a CERTIFICATE, not a PRIVATE KEY"},
		{{.cert_pem = "secret", .key_file = f->key},
		 "failed to load TLS certificate: cert_pem: no PEM text: no line -----BEGIN "
		 "CERTIFICATE-----"},
		{{.cert_file = "/dev/null", .key_file = f->key},
		 "/dev/null: no PEM text: no line -----BEGIN CERTIFICATE-----"},
		{{.cert_pem = "-----BEGIN CERTIFICATE-----\nsecret!\n-----END CERTIFICATE-----\n",
		  .key_file = f->key},
		 "cert_pem: damaged PEM text: "},
		{{.cert_file = f->cert,
		  .key_pem = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED "
			     "PRIVATE KEY-----\n"},
		 "failed to load TLS key: key_pem: the key is encrypted, and there is nobody to "
		 "ask "
		 "for its passphrase"},
		{{.cert_file = f->cert, .key_file = f->key, .client_ca_file = "/nowhere.pem"},
		 "failed to load CA certificates: /nowhere.pem: No such file or directory"},
		{{.cert_file = f->cert, .key_file = f->client_key}, "does not belong"},
		{{.cert_file = f->cert, .key_file = f->key, .client_ca_file = f->key},
		 "failed to load CA certificates"},
		{{.cert_file = f->cert, .key_file = f->key, .min_version = "1.7"},
		 "invalid TLS min_version"},
		{{.cert_file = f->cert,
		  .key_file = f->key,
		  .min_version = "1.3",
		  .max_version = "1.2"},
		 "min_version cannot be greater than max_version"},
		{{.cert_file = f->cert,
		  .key_file = f->key,
		  .cipher_suites = {.at = suites, .count = 2}},
		 "invalid TLS cipher suite: \"TLS_NULL_WITH_LUCK\""},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct err err = {0};
		assert_null(tls_server_context(&cases[i].config, "h2", NULL, &err));
		if (!strstr(err.msg, cases[i].text))
			fail_msg("\"%s\" lacks \"%s\"", err.msg, cases[i].text);
		assert_null(strstr(err.msg, "secret"));
		/* `sluice validate` says the same. */
		struct err checked = {0};
		assert_int_equal(tls_config_check(&cases[i].config, true, &checked), -1);
		assert_string_equal(checked.msg, err.msg);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(bytes_pass_and_alpn_is_chosen),
		CASE(a_certificate_is_verified),
		CASE(a_client_must_show_a_certificate_where_it_is_asked_for),
		CASE(a_client_that_showed_its_certificate_may_resume),
		CASE(a_peer_without_tls_is_told_apart),
		CASE(changed_files_are_taken_up_and_bad_ones_are_not),
		CASE(a_servers_reloads_are_told),
		CASE(a_clients_reloads_are_told),
		CASE(wrong_configurations_say_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
