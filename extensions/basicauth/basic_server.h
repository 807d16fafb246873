/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server side of basicauth: judges "Basic …" by a table of users. Fast schemes are verified at once.
 * A slow one (bcrypt) is verified on libuv's thread pool, once for all requests of a loop that show the
 * same credentials, and remembered; meanwhile these requests wait.
 *
 * At most BASIC_CHECKS_MAX verifications are under way. Wrong credentials use up an allowance of
 * BASIC_WRONG_BURST, which grows again by BASIC_WRONG_PER_SECOND: without it nothing new is verified,
 * while what is known to be right is let in.
 */
#ifndef SLUICE_EXTENSIONS_BASICAUTH_BASIC_SERVER_H
#define SLUICE_EXTENSIONS_BASICAUTH_BASIC_SERVER_H

#include "extensions/auth/refusals.h"
#include "extensions/basicauth/htpasswd.h"
#include "extensions/basicauth/judged.h"

enum {
	BASIC_CHECKS_MAX = 16,
	BASIC_WRONG_BURST = 20,
	BASIC_WRONG_PER_SECOND = 10,
	BASIC_FIELD_BYTES_MAX = 2048, /* of the header's value; more is malformed */
};

struct basic_job;

struct basic_server {
	struct auth_refusals *refusals;
	struct keyed_hash_key key; /* immutable */
	pthread_mutex_t lock;	   /* guards what follows */
	struct htpasswd users;
	uint64_t generation; /* of users */
	struct judged judged;
	struct basic_job *jobs;
	unsigned job_count;
	double wrong_left;
	uint64_t wrong_ns; /* when that was so */
};

/* False: no random bytes. */
MUST_CHECK bool basic_server_init(struct basic_server *server, struct auth_refusals *refusals);
void basic_server_fini(struct basic_server *server); /* after the loops have ended */

/* Takes over ${users}; what was judged by the old ones is forgotten. Any thread. */
void basic_server_set_users(struct basic_server *server, struct htpasswd *users);

/* For struct server_authenticator. */
enum auth_verdict basic_server_check(void *self, struct loop *loop, struct slice value,
				     struct auth_check *check);

#endif
