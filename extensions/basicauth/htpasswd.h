/* SPDX-License-Identifier: Apache-2.0 */
/* Lines "user:secret" of Apache's htpasswd, where the secret is a hash that crypt(3) knows, {SHA}, or
 * the password itself. Whole tables are made and freed; nothing here is shared between threads. */
#ifndef SLUICE_EXTENSIONS_BASICAUTH_HTPASSWD_H
#define SLUICE_EXTENSIONS_BASICAUTH_HTPASSWD_H

#include "pipeline/base/error.h"
#include "pipeline/base/slice.h"

enum {
	HTPASSWD_ENTRIES_MAX = 10000,
	HTPASSWD_HASH_BYTES_MAX = 127, /* of crypt(3)'s */
	HTPASSWD_BCRYPT_COST_MAX = 15, /* two to this power of rounds: about a second and a half */
	HTPASSWD_ROUNDS_MAX = 1000000, /* of $5$ and $6$ */
};

enum htpasswd_kind {
	HTPASSWD_PLAIN = 0,
	HTPASSWD_SHA1,	/* {SHA}base64 */
	HTPASSWD_CRYPT, /* slow on purpose: $2a$, $2b$, $2y$ (bcrypt), $5$, $6$ */
};

struct htpasswd_entry {
	struct slice user, secret; /* in the table's own copy of the text */
	enum htpasswd_kind kind;
};

struct htpasswd {
	char *text;
	size_t text_len;
	struct htpasswd_entry *entries;
	size_t count;
	/* Lines that are neither empty nor a comment and cannot be used, and the first one's number. */
	unsigned unusable, first_unusable;
};

/* Makes a table of ${text}, which is copied. Lines that cannot be used are counted. -1 with ERR_LIMIT or
 * ERR_NOMEM; no text of the table gets into ${err}. */
MUST_CHECK int htpasswd_parse(struct slice text, struct htpasswd *ret_table, struct err *err);

/* Wipes and frees; a zeroed one is accepted. */
void htpasswd_free(struct htpasswd *table);

/* The last entry of ${user}: a later line replaces an earlier one. NULL: none. */
const struct htpasswd_entry *htpasswd_find(const struct htpasswd *table, struct slice user);

/* Whether ${password}, which has no zero byte, is the one of ${secret}; comparisons take the same time
 * whatever differs. HTPASSWD_CRYPT takes 1 to 1500 ms of the processor. */
bool htpasswd_verify(enum htpasswd_kind kind, struct slice secret, struct slice password);

#endif
