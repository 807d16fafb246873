/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/name_server.h"

#include "pipeline/base/compiler.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ADDRESS "127.53.0.1"
#define NOBODY "127.53.0.2" /* nothing listens there on our port */

enum {
	NAMES_MAX = 512,
	NAME_BYTES = 256,
	MESSAGE_BYTES = 4096,
	HEADER_BYTES = 12,
	TYPE_A = 1,
	TYPE_CNAME = 5,
	TYPE_AAAA = 28,
	CLASS_IN = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	FLAG_RESPONSE = 0x8180, /* QR, RD, RA */
	FLAG_TRUNCATED = 0x0200,
	ID_MASK = 0x5555, /* makes another id */
};

struct entry {
	char name[NAME_BYTES];
	struct name_record record;
	unsigned asked_a, asked_aaaa;
	unsigned set_a, set_aaaa; /* the counts when the record was set */
};

struct name_server {
	int udp, tcp, stop[2];
	uint16_t port;
	char resolv_conf[64];
	pthread_t thread;
	pthread_mutex_t lock; /* entries */
	pthread_cond_t asked;
	struct entry entries[NAMES_MAX];
	size_t count;
};

struct question {
	uint16_t id, type;
	char name[NAME_BYTES];
	const uint8_t *bytes; /* the question section */
	size_t len;
};

struct message {
	uint8_t bytes[MESSAGE_BYTES];
	size_t len;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

/* ---- messages ------------------------------------------------------------------------------- */

static void put16(struct message *m, unsigned value)
{
	m->bytes[m->len++] = (uint8_t)(value >> 8);
	m->bytes[m->len++] = (uint8_t)value;
}

static void put32(struct message *m, uint32_t value)
{
	put16(m, value >> 16);
	put16(m, value & 0xffff);
}

static void put_bytes(struct message *m, const void *bytes, size_t len)
{
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

static void put_name(struct message *m, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");
		m->bytes[m->len++] = (uint8_t)len;
		put_bytes(m, name, len);
		name += len + (name[len] == '.');
	}
	m->bytes[m->len++] = 0;
}

static bool read_question(const uint8_t *bytes, size_t len, struct question *q)
{
	size_t at = HEADER_BYTES, text = 0;
	if (len < HEADER_BYTES)
		return false;
	q->id = (uint16_t)(bytes[0] << 8 | bytes[1]);
	while (at < len && bytes[at] != 0) {
		size_t label = bytes[at];
		if (at + 1 + label >= len || text + label + 2 > sizeof(q->name))
			return false;
		if (text > 0)
			q->name[text++] = '.';
		memcpy(q->name + text, bytes + at + 1, label);
		text += label;
		at += 1 + label;
	}
	q->name[text] = 0;
	if (at + 5 > len)
		return false;
	q->type = (uint16_t)(bytes[at + 1] << 8 | bytes[at + 2]);
	q->bytes = bytes + HEADER_BYTES;
	q->len = at + 5 - HEADER_BYTES;
	return true;
}

static void put_header(struct message *m, unsigned id, unsigned flags, const struct question *q)
{
	m->len = 0;
	put16(m, id);
	put16(m, flags);
	put16(m, 1);
	put16(m, 0);
	put32(m, 0);
	put_bytes(m, q->bytes, q->len);
}

static void put_record(struct message *m, const char *owner, unsigned type, uint32_t ttl_s)
{
	put_name(m, owner);
	put16(m, type);
	put16(m, CLASS_IN);
	put32(m, ttl_s);
	m->bytes[7]++; /* ANCOUNT */
}

static void put_address(struct message *m, const char *owner, const struct question *q,
			uint32_t ttl_s, const char *text)
{
	uint8_t bytes[16];
	int family = q->type == TYPE_A ? AF_INET : AF_INET6;
	size_t len = q->type == TYPE_A ? 4 : 16;
	if (inet_pton(family, text, bytes) != 1)
		return; /* of the other family */
	put_record(m, owner, q->type, ttl_s);
	put16(m, (unsigned)len);
	put_bytes(m, bytes, len);
}

static void put_answer(struct message *m, const struct question *q, const struct name_record *r)
{
	const char *owner = q->name;
	put_header(m, q->id, FLAG_RESPONSE, q);
	if (r->cname) {
		struct message target = {.len = 0};
		put_name(&target, r->cname);
		put_record(m, owner, TYPE_CNAME, r->cname_ttl_s);
		put16(m, (unsigned)target.len);
		put_bytes(m, target.bytes, target.len);
		owner = r->cname;
	}
	for (size_t i = 0; i < NAME_ADDRESSES_MAX && r->addresses[i]; i++)
		put_address(m, owner, q, r->ttl_s, r->addresses[i]);
}

/* ---- behaviour ------------------------------------------------------------------------------ */

static struct entry *find(struct name_server *server, const char *name)
{
	for (size_t i = 0; i < server->count; i++) {
		if (strcasecmp(server->entries[i].name, name) == 0)
			return &server->entries[i];
	}
	must(server->count < NAMES_MAX, "too many names");
	struct entry *entry = &server->entries[server->count++];
	(void)snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->record.behaviour = NAME_NXDOMAIN;
	return entry;
}

/* Counts the question; what is to be done about it. */
static struct name_record note_question(struct name_server *server, const struct question *q)
{
	pthread_mutex_lock(&server->lock);
	struct entry *entry = find(server, q->name);
	struct name_record record = entry->record;
	bool is_a = q->type == TYPE_A;
	unsigned before =
		is_a ? entry->asked_a++ - entry->set_a : entry->asked_aaaa++ - entry->set_aaaa;
	if (before < record.ignored)
		record.behaviour = NAME_SILENT;
	pthread_cond_broadcast(&server->asked);
	pthread_mutex_unlock(&server->lock);
	return record;
}

typedef void send_f(void *arg, const struct message *m);

static void send_lie(send_f *send_message, void *arg, const struct question *q, unsigned id_mask,
		     const char *name)
{
	struct name_record lie = {.ttl_s = 3600, .addresses = {"192.0.2.66", "2001:db8::66"}};
	struct message m, asked = {.len = 0};
	struct question other = *q;
	put_name(&asked, name);
	put16(&asked, q->type);
	put16(&asked, CLASS_IN);
	other.id ^= (uint16_t)id_mask;
	other.bytes = asked.bytes;
	other.len = asked.len;
	(void)snprintf(other.name, sizeof(other.name), "%s", name);
	put_answer(&m, &other, &lie);
	send_message(arg, &m);
}

static void send_garbage(send_f *send_message, void *arg, const struct question *q)
{
	struct message m = {.bytes = {0xff, 0xc0, 0x0c}, .len = 3};
	send_message(arg, &m);
	put_header(&m, q->id, FLAG_RESPONSE, q);
	m.bytes[7] = 3; /* three answers, of which nothing follows but a name that names itself */
	put16(&m, 0xc000 | (unsigned)m.len);
	send_message(arg, &m);
}

static void answer(struct name_server *server, const struct question *q, bool is_tcp,
		   send_f *send_message, void *arg)
{
	const struct name_record record = note_question(server, q);
	enum name_behaviour behaviour = record.behaviour;
	struct message m;
	put_answer(&m, q, &record);
	if (behaviour == NAME_SILENT)
		return;
	if (behaviour == NAME_NXDOMAIN || behaviour == NAME_SERVFAIL)
		put_header(&m, q->id,
			   FLAG_RESPONSE |
				   (behaviour == NAME_SERVFAIL ? RCODE_SERVFAIL : RCODE_NXDOMAIN),
			   q);
	if (behaviour == NAME_TRUNCATED && !is_tcp)
		put_header(&m, q->id, FLAG_RESPONSE | FLAG_TRUNCATED, q);
	if (behaviour == NAME_GARBAGE) {
		send_garbage(send_message, arg, q);
		return;
	}
	if (behaviour == NAME_LYING_LENGTH)
		m.len -= 2;
	if (behaviour == NAME_OTHERS_ID)
		send_lie(send_message, arg, q, ID_MASK, q->name);
	if (behaviour == NAME_OTHERS_NAME)
		send_lie(send_message, arg, q, 0, "elsewhere.test");
	send_message(arg, &m);
}

/* ---- transport ------------------------------------------------------------------------------ */

struct udp_peer {
	int fd;
	struct sockaddr_in address;
};

static void send_udp(void *arg, const struct message *m)
{
	const struct udp_peer *peer = arg;
	(void)sendto(peer->fd, m->bytes, m->len, 0, (const struct sockaddr *)&peer->address,
		     sizeof(peer->address));
}

static void send_tcp(void *arg, const struct message *m)
{
	uint8_t framed[MESSAGE_BYTES + 2] = {(uint8_t)(m->len >> 8), (uint8_t)m->len};
	memcpy(framed + 2, m->bytes, m->len);
	(void)send(*(int *)arg, framed, m->len + 2, MSG_NOSIGNAL);
}

static void serve_udp(struct name_server *server)
{
	uint8_t bytes[MESSAGE_BYTES];
	struct udp_peer peer = {.fd = server->udp};
	struct question q;
	socklen_t len = sizeof(peer.address);
	ssize_t got = recvfrom(server->udp, bytes, sizeof(bytes), 0,
			       (struct sockaddr *)&peer.address, &len);
	if (got > 0 && read_question(bytes, (size_t)got, &q))
		answer(server, &q, false, send_udp, &peer);
}

/* One connection at a time, until its client closes it or says nothing for a while. */
static void serve_tcp(struct name_server *server)
{
	uint8_t bytes[MESSAGE_BYTES];
	struct question q;
	struct timeval patience = {.tv_sec = 5};
	int fd = accept4(server->tcp, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (recv(fd, bytes, 2, MSG_WAITALL) == 2) {
		size_t len = (size_t)(bytes[0] << 8 | bytes[1]);
		if (len > sizeof(bytes) || recv(fd, bytes, len, MSG_WAITALL) != (ssize_t)len)
			break;
		if (read_question(bytes, len, &q))
			answer(server, &q, true, send_tcp, &fd);
	}
	close(fd);
}

static void *serve(void *arg)
{
	struct name_server *server = arg;
	struct pollfd polls[] = {
		{server->udp, POLLIN, 0}, {server->tcp, POLLIN, 0}, {server->stop[0], POLLIN, 0}};
	while (poll(polls, ARRAY_COUNT(polls), -1) > 0 && !polls[2].revents) {
		if (polls[0].revents)
			serve_udp(server);
		if (polls[1].revents)
			serve_tcp(server);
	}
	return NULL;
}

/* The same port for both; false when TCP's is taken. */
static bool bind_both(struct name_server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct sockaddr *any = (struct sockaddr *)&address;
	socklen_t len = sizeof(address);
	must(inet_pton(AF_INET, ADDRESS, &address.sin_addr) == 1, ADDRESS);
	server->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	server->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(server->udp >= 0 && server->tcp >= 0 && bind(server->udp, any, len) == 0 &&
		     getsockname(server->udp, any, &len) == 0,
	     "bind " ADDRESS);
	server->port = ntohs(address.sin_port);
	if (bind(server->tcp, any, len) == 0 && listen(server->tcp, 16) == 0)
		return true;
	close(server->udp);
	close(server->tcp);
	return false;
}

/* ---- the interface -------------------------------------------------------------------------- */

void name_server_rewrite(struct name_server *server, const char *options, bool dead)
{
	char next[sizeof(server->resolv_conf) + 8];
	(void)snprintf(next, sizeof(next), "%s.next", server->resolv_conf);
	FILE *file = fopen(next, "we");
	must(file != NULL, next);
	(void)fprintf(file, "nameserver %s\n%s\n", dead ? NOBODY : ADDRESS, options ? options : "");
	must(fclose(file) == 0 && rename(next, server->resolv_conf) == 0, next);
}

struct name_server *name_server_start(const char *options)
{
	struct name_server *server = calloc(1, sizeof(*server));
	char port[8];
	must(server != NULL, "calloc");
	while (!bind_both(server))
		;
	(void)snprintf(server->resolv_conf, sizeof(server->resolv_conf), "/tmp/sluice-dns-XXXXXX");
	int fd = mkstemp(server->resolv_conf);
	must(fd >= 0, server->resolv_conf);
	close(fd);
	name_server_rewrite(server, options, false);
	(void)snprintf(port, sizeof(port), "%u", server->port);
	setenv("SLUICE_RESOLV_CONF", server->resolv_conf, 1);
	setenv("SLUICE_DNS_PORT", port, 1);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&server->asked, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&server->lock, NULL);
	must(pipe(server->stop) == 0, "pipe");
	must(pthread_create(&server->thread, NULL, serve, server) == 0, "pthread_create");
	return server;
}

void name_server_stop(struct name_server *server)
{
	must(write(server->stop[1], "", 1) == 1, "write");
	pthread_join(server->thread, NULL);
	close(server->stop[0]);
	close(server->stop[1]);
	close(server->udp);
	close(server->tcp);
	unlink(server->resolv_conf);
	unsetenv("SLUICE_RESOLV_CONF");
	unsetenv("SLUICE_DNS_PORT");
	pthread_cond_destroy(&server->asked);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

void name_server_set(struct name_server *server, const char *name, const struct name_record *record)
{
	pthread_mutex_lock(&server->lock);
	struct entry *entry = find(server, name);
	entry->record = *record;
	entry->set_a = entry->asked_a;
	entry->set_aaaa = entry->asked_aaaa;
	pthread_mutex_unlock(&server->lock);
}

unsigned name_server_questions(struct name_server *server, const char *name)
{
	pthread_mutex_lock(&server->lock);
	unsigned count = find(server, name)->asked_a;
	pthread_mutex_unlock(&server->lock);
	return count;
}

bool name_server_wait(struct name_server *server, const char *name, unsigned questions)
{
	struct timespec until;
	int code = 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += NAME_SERVER_WAIT_MS / 1000;
	pthread_mutex_lock(&server->lock);
	struct entry *entry = find(server, name);
	while (entry->asked_a < questions && code == 0)
		code = pthread_cond_timedwait(&server->asked, &server->lock, &until);
	pthread_mutex_unlock(&server->lock);
	return code == 0;
}
