/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/peer_socket.h"
#include "tests/support/held_port.h"

#include "tests/support/peer_certificate.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer_stream {
	struct peer *peer;
	struct peer_stream *next;
	pthread_t thread;
	int fd;
	SSL *ssl;
	unsigned index;
	bool over; /* under the lock: fd is closed */
};

struct peer {
	int listener;
	uint16_t port;
	pthread_t thread;
	pthread_mutex_t lock; /* streams, count, stopping */
	struct peer_stream *streams;
	unsigned count;
	bool stopping;
	peer_serve_f *serve;
	void *arg;
	SSL_CTX *tls;
	char *certificate;
	unsigned char alpn[32];
	unsigned alpn_len;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

static bool handshake(struct peer_stream *stream)
{
	if (!stream->peer->tls)
		return true;
	stream->ssl = SSL_new(stream->peer->tls);
	return stream->ssl && SSL_set_fd(stream->ssl, stream->fd) == 1 &&
	       SSL_accept(stream->ssl) == 1;
}

static void *serve_stream(void *arg)
{
	struct peer_stream *stream = arg;
	struct peer *peer = stream->peer;
	if (handshake(stream)) {
		peer->serve(stream, stream->index, peer->arg);
		if (stream->ssl)
			SSL_shutdown(stream->ssl);
	}
	SSL_free(stream->ssl);
	pthread_mutex_lock(&peer->lock);
	stream->over = true;
	close(stream->fd);
	pthread_mutex_unlock(&peer->lock);
	return NULL;
}

static void accept_stream(struct peer *peer, int fd)
{
	struct peer_stream *stream = calloc(1, sizeof(*stream));
	int one = 1;
	must(stream != NULL, "calloc");
	/* A window update that waits for a delayed ACK costs the sender 40 ms per window. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	stream->peer = peer;
	stream->fd = fd;
	pthread_mutex_lock(&peer->lock);
	stream->index = peer->count++;
	stream->next = peer->streams;
	peer->streams = stream;
	must(pthread_create(&stream->thread, NULL, serve_stream, stream) == 0, "pthread_create");
	pthread_mutex_unlock(&peer->lock);
}

static void *accept_all(void *arg)
{
	struct peer *peer = arg;
	for (;;) {
		int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
		pthread_mutex_lock(&peer->lock);
		bool stopping = peer->stopping;
		pthread_mutex_unlock(&peer->lock);
		if (fd < 0 || stopping) {
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		accept_stream(peer, fd);
	}
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned in_len, void *arg)
{
	(void)ssl;
	struct peer *peer = arg;
	unsigned char *chosen;
	if (SSL_select_next_proto(&chosen, out_len, peer->alpn, peer->alpn_len, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void start_tls(struct peer *peer, const char *alpn)
{
	EVP_PKEY *key;
	X509 *certificate;
	peer->certificate = peer_certificate_make(&certificate, &key);
	peer->tls = SSL_CTX_new(TLS_server_method());
	must(peer->tls && SSL_CTX_use_certificate(peer->tls, certificate) == 1 &&
		     SSL_CTX_use_PrivateKey(peer->tls, key) == 1,
	     "SSL_CTX");
	EVP_PKEY_free(key);
	X509_free(certificate);
	if (!alpn)
		return;
	peer->alpn[0] = (unsigned char)strlen(alpn);
	memcpy(peer->alpn + 1, alpn, strlen(alpn));
	peer->alpn_len = peer->alpn[0] + 1u;
	SSL_CTX_set_alpn_select_cb(peer->tls, choose_alpn, peer);
}

struct peer *peer_start(const struct peer_options *options, peer_serve_f *serve, void *arg)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	int one = 1;
	must(peer != NULL, "calloc");
	(void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
	peer->serve = serve;
	peer->arg = arg;
	peer->port = options->port ? options->port : held_port();
	pthread_mutex_init(&peer->lock, NULL);
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(peer->port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(peer->listener >= 0, "socket");
	(void)setsockopt(peer->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
	must(listen(peer->listener, 128) == 0, "listen");
	if (options->tls)
		start_tls(peer, options->alpn);
	must(pthread_create(&peer->thread, NULL, accept_all, peer) == 0, "pthread_create");
	return peer;
}

void peer_cut_connections(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	for (struct peer_stream *stream = peer->streams; stream; stream = stream->next) {
		if (!stream->over)
			(void)shutdown(stream->fd, SHUT_RDWR); /* gone already: just as well */
	}
	pthread_mutex_unlock(&peer->lock);
}

void peer_stop(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	peer->stopping = true;
	pthread_mutex_unlock(&peer->lock);
	(void)shutdown(peer->listener, SHUT_RDWR); /* wakes accept */
	pthread_join(peer->thread, NULL);
	peer_cut_connections(peer);
	while (peer->streams) {
		struct peer_stream *stream = peer->streams;
		peer->streams = stream->next;
		pthread_join(stream->thread, NULL);
		free(stream);
	}
	close(peer->listener);
	SSL_CTX_free(peer->tls);
	free(peer->certificate);
	pthread_mutex_destroy(&peer->lock);
	free(peer);
}

uint16_t peer_port(const struct peer *peer)
{
	return peer->port;
}

unsigned peer_connection_count(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	unsigned count = peer->count;
	pthread_mutex_unlock(&peer->lock);
	return count;
}

const char *peer_certificate_pem(const struct peer *peer)
{
	return peer->certificate;
}

ssize_t peer_read(struct peer_stream *stream, void *buffer, size_t len)
{
	if (!stream->ssl)
		return recv(stream->fd, buffer, len, 0);
	ERR_clear_error();
	return SSL_read(stream->ssl, buffer, (int)len);
}

bool peer_write(struct peer_stream *stream, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t sent;
		if (stream->ssl) {
			ERR_clear_error();
			sent = SSL_write(stream->ssl, bytes.ptr, (int)bytes.len);
		} else {
			sent = send(stream->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		}
		if (sent <= 0)
			return false;
		bytes = slice_of(bytes.ptr + sent, bytes.len - (size_t)sent);
	}
	return true;
}

void peer_reset_on_close(struct peer_stream *stream)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	(void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}
