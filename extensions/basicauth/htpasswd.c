/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which scheme a line is of is told by its beginning. What looks like a hash and is none that can be
 * checked is never taken for a password: who has the file could send it.
 */
#include "extensions/basicauth/htpasswd.h"

#include "extensions/auth/secret_file.h"
#include "pipeline/base/base64.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

enum { PASSWORD_BYTES_MAX = 512, BCRYPT_BYTES = 60, SHA1_CHARS = 28 };

static bool is_alphabet(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      c == '.' || c == '/'))
			return false;
	}
	return true;
}

/* "$2y$10$" and 53 characters. */
static bool is_bcrypt(struct slice secret)
{
	if (secret.len != BCRYPT_BYTES || !strchr("aby", secret.ptr[2]) || secret.ptr[3] != '$' ||
	    secret.ptr[6] != '$')
		return false;
	uint64_t cost;
	return slice_parse_u64(slice_of(secret.ptr + 4, 2), &cost) && cost >= 4 &&
	       cost <= HTPASSWD_BCRYPT_COST_MAX &&
	       is_alphabet(slice_of(secret.ptr + 7, secret.len - 7));
}

/* "$6$salt$hash" or "$6$rounds=5000$salt$hash". */
static bool is_sha_crypt(struct slice secret)
{
	const struct slice rounds = SLICE("rounds=");
	size_t hash_chars = secret.ptr[1] == '5' ? 43 : 86;
	struct slice rest = slice_of(secret.ptr + 3, secret.len - 3);
	if (slice_has_prefix(rest, rounds)) {
		const uint8_t *end = memchr(rest.ptr, '$', rest.len);
		uint64_t count;
		if (!end ||
		    !slice_parse_u64(
			    slice_of(rest.ptr + rounds.len, (size_t)(end - rest.ptr) - rounds.len),
			    &count) ||
		    count > HTPASSWD_ROUNDS_MAX)
			return false;
		rest = slice_of(end + 1, rest.len - (size_t)(end - rest.ptr) - 1);
	}
	const uint8_t *end = rest.len > 0 ? memchr(rest.ptr, '$', rest.len) : NULL;
	if (!end || end == rest.ptr || end - rest.ptr > 16)
		return false;
	struct slice hash = slice_of(end + 1, rest.len - (size_t)(end - rest.ptr) - 1);
	return hash.len == hash_chars && is_alphabet(hash) &&
	       is_alphabet(slice_of(rest.ptr, (size_t)(end - rest.ptr)));
}

/* False: of a scheme that cannot be checked, or not of its form. */
static bool kind_of(struct slice secret, enum htpasswd_kind *ret_kind)
{
	*ret_kind = HTPASSWD_CRYPT;
	if (secret.len > HTPASSWD_HASH_BYTES_MAX || secret.len == 0)
		return false;
	if (slice_has_prefix(secret, SLICE("$2")))
		return is_bcrypt(secret);
	if (slice_has_prefix(secret, SLICE("$5$")) || slice_has_prefix(secret, SLICE("$6$")))
		return is_sha_crypt(secret);
	*ret_kind = HTPASSWD_SHA1;
	if (slice_has_prefix(secret, SLICE("{SHA}")))
		return secret.len == 5 + SHA1_CHARS;
	*ret_kind = HTPASSWD_PLAIN;
	return secret.ptr[0] != '$' && secret.ptr[0] != '{';
}

static bool parse_line(struct slice line, struct htpasswd_entry *ret_entry)
{
	const uint8_t *colon = memchr(line.ptr, ':', line.len);
	if (!colon || colon == line.ptr || memchr(line.ptr, 0, line.len))
		return false;
	ret_entry->user = slice_of(line.ptr, (size_t)(colon - line.ptr));
	ret_entry->secret = slice_of(colon + 1, line.len - ret_entry->user.len - 1);
	return kind_of(ret_entry->secret, &ret_entry->kind);
}

static size_t count_lines(struct slice text)
{
	size_t count = 1;
	for (size_t i = 0; i < text.len; i++)
		count += text.ptr[i] == '\n';
	return count;
}

int htpasswd_parse(struct slice text, struct htpasswd *ret_table, struct err *err)
{
	struct htpasswd table = {.text = malloc(text.len + 1), .text_len = text.len};
	size_t lines = count_lines(text), room = HTPASSWD_ENTRIES_MAX;
	table.entries = calloc(lines < room ? lines : room, sizeof(*table.entries));
	if (!table.text || !table.entries) {
		htpasswd_free(&table);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	if (text.len > 0)
		memcpy(table.text, text.ptr, text.len);
	struct slice rest = slice_of(table.text, text.len);
	for (unsigned number = 1; rest.len > 0; number++) {
		struct htpasswd_entry entry;
		struct slice line = secret_file_take_line(&rest);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		if (!parse_line(line, &entry)) {
			if (table.unusable++ == 0)
				table.first_unusable = number;
			continue;
		}
		if (table.count == HTPASSWD_ENTRIES_MAX) {
			htpasswd_free(&table);
			return err_set(err, ERR_LIMIT, "more than %d users", HTPASSWD_ENTRIES_MAX);
		}
		table.entries[table.count++] = entry;
	}
	*ret_table = table;
	return 0;
}

void htpasswd_free(struct htpasswd *table)
{
	if (table->text)
		explicit_bzero(table->text, table->text_len);
	free(table->text);
	free(table->entries);
	*table = (struct htpasswd){0};
}

const struct htpasswd_entry *htpasswd_find(const struct htpasswd *table, struct slice user)
{
	for (size_t i = table->count; i-- > 0;) {
		if (slice_equal(table->entries[i].user, user))
			return &table->entries[i];
	}
	return NULL;
}

/* ---- passwords ------------------------------------------------------------------------------ */

static bool is_same_text(struct slice a, struct slice b)
{
	uint8_t hash_a[SHA256_DIGEST_LENGTH], hash_b[SHA256_DIGEST_LENGTH];
	(void)SHA256(a.ptr, a.len, hash_a);
	(void)SHA256(b.ptr, b.len, hash_b);
	return CRYPTO_memcmp(hash_a, hash_b, sizeof(hash_a)) == 0;
}

static bool is_of_sha1(struct slice secret, struct slice password)
{
	uint8_t hash[SHA_DIGEST_LENGTH];
	char text[BASE64_LEN(SHA_DIGEST_LENGTH) + 1];
	_Static_assert(sizeof(text) == SHA1_CHARS + 1, "a {SHA} line is longer");
	(void)SHA1(password.ptr, password.len, hash);
	base64_encode(slice_of(hash, sizeof(hash)), text);
	return CRYPTO_memcmp(text, secret.ptr + secret.len - SHA1_CHARS, SHA1_CHARS) == 0;
}

static bool is_of_crypt(struct slice secret, struct slice password)
{
	struct crypt_data data = {0};
	char setting[HTPASSWD_HASH_BYTES_MAX + 1], phrase[PASSWORD_BYTES_MAX];
	if (secret.len >= sizeof(setting) || password.len >= sizeof(phrase))
		return false;
	memcpy(setting, secret.ptr, secret.len);
	setting[secret.len] = 0;
	if (password.len > 0)
		memcpy(phrase, password.ptr, password.len);
	phrase[password.len] = 0;
	const char *made = crypt_rn(phrase, setting, &data, sizeof(data));
	bool same =
		made && strlen(made) == secret.len && CRYPTO_memcmp(made, setting, secret.len) == 0;
	explicit_bzero(&data, sizeof(data));
	explicit_bzero(phrase, sizeof(phrase));
	return same;
}

bool htpasswd_verify(enum htpasswd_kind kind, struct slice secret, struct slice password)
{
	switch (kind) {
	case HTPASSWD_PLAIN: return is_same_text(secret, password);
	case HTPASSWD_SHA1: return is_of_sha1(secret, password);
	case HTPASSWD_CRYPT: return is_of_crypt(secret, password);
	}
	return false;
}
