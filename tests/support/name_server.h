/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DNS server for tests (RFC 1035), over UDP and TCP at an address of loopback that is its own, on a
 * thread of its own. While it runs, SLUICE_RESOLV_CONF and SLUICE_DNS_PORT point this process and
 * its children to it. What it says of a name may be changed while it runs; names that it was not
 * told of do not exist.
 */
#ifndef SLUICE_TESTS_SUPPORT_NAME_SERVER_H
#define SLUICE_TESTS_SUPPORT_NAME_SERVER_H

#include <stdbool.h>
#include <stdint.h>

enum { NAME_ADDRESSES_MAX = 40, NAME_SERVER_WAIT_MS = 60000 };

enum name_behaviour {
	NAME_ANSWERS = 0,
	NAME_SILENT,
	NAME_NXDOMAIN,
	NAME_SERVFAIL,
	NAME_TRUNCATED,	   /* over UDP nothing but the bit that says so; all over TCP */
	NAME_GARBAGE,	   /* bytes that are no message, and a message cut off; then nothing */
	NAME_LYING_LENGTH, /* an answer whose length is longer than what follows */
	NAME_OTHERS_ID,	   /* 192.0.2.66 under another id, then the right answer */
	NAME_OTHERS_NAME,  /* 192.0.2.66 for another question under the right id, then the answer */
};

struct name_record {
	enum name_behaviour behaviour;
	unsigned ignored; /* so many questions (of each type) come to nothing: it is slow */
	uint32_t ttl_s;
	const char *cname; /* NULL: none; its ttl is cname_ttl_s */
	uint32_t cname_ttl_s;
	const char *addresses[NAME_ADDRESSES_MAX]; /* of both families, as text */
};

struct name_server;

/* Never NULL: the test is aborted when there is no socket to be had. ${options}: a line for its
 * resolv.conf ("search a.test b.test"), or NULL. */
struct name_server *name_server_start(const char *options);
void name_server_stop(struct name_server *server);

/* From the next question on. Texts are borrowed. */
void name_server_set(struct name_server *server, const char *name,
		     const struct name_record *record);

/* Writes its resolv.conf anew, with another line; or, with ${dead}, with an address where nobody
 * is, which refuses. */
void name_server_rewrite(struct name_server *server, const char *options, bool dead);

/* Questions for A of ${name} so far. */
unsigned name_server_questions(struct name_server *server, const char *name);

/* Waits until there were so many; false after NAME_SERVER_WAIT_MS. */
bool name_server_wait(struct name_server *server, const char *name, unsigned questions);

#endif
