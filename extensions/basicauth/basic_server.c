/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job belongs to the loop that began it, and so do the requests that wait for it: only what is
 * remembered is shared. A user that does not exist is verified like one that does, against the hash of
 * some other one: the time tells nothing about names.
 */
#include "extensions/basicauth/basic_server.h"

#include "pipeline/base/ascii.h"
#include "pipeline/base/base64.h"
#include "pipeline/base/clock.h"

#include <stdlib.h>
#include <string.h>

struct basic_job {
	uv_work_t work;
	struct basic_server *server;
	struct loop *loop;
	struct basic_job *next; /* under the server's lock */
	struct keyed_hash hash;
	uint64_t generation;
	struct auth_check *waiting; /* the loop's thread */
	bool user_exists, right;
	size_t secret_len, password_len;
	uint8_t secret[HTPASSWD_HASH_BYTES_MAX], password[BASIC_FIELD_BYTES_MAX];
};

#define WRONG "invalid credentials"

bool basic_server_init(struct basic_server *server, struct auth_refusals *refusals)
{
	server->refusals = refusals;
	server->wrong_left = BASIC_WRONG_BURST;
	pthread_mutex_init(&server->lock, NULL);
	return keyed_hash_key_init(&server->key);
}

void basic_server_fini(struct basic_server *server)
{
	ASSERT(!server->jobs);
	htpasswd_free(&server->users);
	pthread_mutex_destroy(&server->lock);
	explicit_bzero(&server->key, sizeof(server->key));
}

void basic_server_set_users(struct basic_server *server, struct htpasswd *users)
{
	pthread_mutex_lock(&server->lock);
	struct htpasswd old = server->users;
	server->users = *users;
	server->generation++;
	memset(&server->judged, 0, sizeof(server->judged));
	pthread_mutex_unlock(&server->lock);
	*users = (struct htpasswd){0};
	htpasswd_free(&old);
}

/* ---- what the header says ------------------------------------------------------------------- */

struct credentials {
	uint8_t text[BASIC_FIELD_BYTES_MAX];
	size_t len;
	struct slice user, password;
};

/* NULL, or what is wrong with ${value}. A zero byte is refused: crypt(3) would end the password there. */
static const char *decode(struct slice value, struct credentials *ret)
{
	static const char scheme[] = "basic ";
	size_t scheme_len = sizeof(scheme) - 1;
	struct base64_decoder decoder = {0};
	for (size_t i = 0; i < scheme_len; i++) {
		if (value.len <= i || ascii_lower(value.ptr[i]) != (uint8_t)scheme[i])
			return "invalid authorization scheme prefix";
	}
	struct slice coded = slice_of(value.ptr + scheme_len, value.len - scheme_len);
	if (coded.len > sizeof(ret->text) - 3)
		return "invalid authorization format";
	ptrdiff_t len = base64_decode(&decoder, coded, ret->text);
	ptrdiff_t rest = len < 0 ? -1 : base64_decode_end(&decoder, ret->text + len);
	if (rest < 0)
		return "invalid authorization format";
	ret->len = (size_t)(len + rest);
	const uint8_t *colon = memchr(ret->text, ':', ret->len);
	if (!colon || memchr(ret->text, 0, ret->len))
		return "invalid authorization format";
	ret->user = slice_of(ret->text, (size_t)(colon - ret->text));
	ret->password = slice_of(colon + 1, ret->len - ret->user.len - 1);
	return NULL;
}

/* ---- slow ones ------------------------------------------------------------------------------ */

static void run_job(uv_work_t *work)
{
	struct basic_job *job = CONTAINER_OF(work, struct basic_job, work);
	bool same = htpasswd_verify(HTPASSWD_CRYPT, slice_of(job->secret, job->secret_len),
				    slice_of(job->password, job->password_len));
	job->right = same && job->user_exists;
}

/* Under the lock. */
static void forget_job(struct basic_job *job)
{
	struct basic_job **at = &job->server->jobs;
	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	job->server->job_count--;
}

static void tell(struct basic_job *job, enum auth_verdict verdict)
{
	struct auth_check *check;
	while ((check = job->waiting)) {
		auth_check_cancel(check); /* takes it from the list */
		if (verdict == AUTH_REFUSED) {
			(void)auth_refuse(job->server->refusals, check, REFUSAL_CREDENTIALS, WRONG);
		} else if (verdict == AUTH_BUSY) {
			(void)auth_refuse(job->server->refusals, check, REFUSAL_CHECKS_BUSY,
					  "the credentials have changed: try again");
		}
		check->done(check, verdict);
	}
}

static void after_job(uv_work_t *work, int status)
{
	struct basic_job *job = CONTAINER_OF(work, struct basic_job, work);
	struct basic_server *server = job->server;
	enum auth_verdict verdict = job->right ? AUTH_ADMITTED : AUTH_REFUSED;
	pthread_mutex_lock(&server->lock);
	forget_job(job);
	if (status != 0 || job->generation != server->generation) {
		verdict = AUTH_BUSY;
	} else {
		judged_add(&server->judged, &job->hash, job->right);
		if (!job->right)
			server->wrong_left -= 1;
	}
	pthread_mutex_unlock(&server->lock);
	tell(job, verdict);
	explicit_bzero(job, sizeof(*job));
	free(job);
}

/* Under the lock: whether something new may be verified now. */
static bool has_allowance(struct basic_server *server)
{
	uint64_t now_ns = clock_monotonic_ns();
	if (server->wrong_ns != 0)
		server->wrong_left += (double)(now_ns - server->wrong_ns) / (double)NS_PER_S *
				      BASIC_WRONG_PER_SECOND;
	if (server->wrong_left > BASIC_WRONG_BURST)
		server->wrong_left = BASIC_WRONG_BURST;
	server->wrong_ns = now_ns;
	return server->job_count < BASIC_CHECKS_MAX && server->wrong_left - server->job_count >= 1;
}

/* Under the lock; the same credentials, asked for on the same loop. */
static struct basic_job *find_job(const struct basic_server *server, const struct loop *loop,
				  const struct keyed_hash *hash)
{
	for (struct basic_job *job = server->jobs; job; job = job->next) {
		if (job->loop == loop && job->generation == server->generation &&
		    keyed_hash_equal(&job->hash, hash))
			return job;
	}
	return NULL;
}

/* Under the lock. NULL: not now. */
static struct basic_job *begin_job(struct basic_server *server, struct loop *loop,
				   const struct credentials *shown, const struct keyed_hash *hash,
				   const struct htpasswd_entry *entry, bool user_exists)
{
	if (!has_allowance(server))
		return NULL;
	struct basic_job *job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->server = server;
	job->loop = loop;
	job->hash = *hash;
	job->generation = server->generation;
	job->user_exists = user_exists;
	job->secret_len = entry->secret.len;
	memcpy(job->secret, entry->secret.ptr, entry->secret.len);
	job->password_len = shown->password.len;
	memcpy(job->password, shown->password.ptr, shown->password.len);
	if (uv_queue_work(&loop->uv, &job->work, run_job, after_job) != 0) {
		free(job);
		return NULL;
	}
	job->next = server->jobs;
	server->jobs = job;
	server->job_count++;
	return job;
}

/* ---- one request ---------------------------------------------------------------------------- */

/* Any entry that is verified slowly. */
static const struct htpasswd_entry *slow_one(const struct htpasswd *users)
{
	for (size_t i = 0; i < users->count; i++) {
		if (users->entries[i].kind == HTPASSWD_CRYPT)
			return &users->entries[i];
	}
	return NULL;
}

/* Under the lock. */
static enum auth_verdict judge(struct basic_server *server, struct loop *loop,
			       const struct credentials *shown, const struct keyed_hash *hash,
			       struct auth_check *check)
{
	enum judgement known = judged_find(&server->judged, hash);
	if (known != JUDGED_NOT)
		return known == JUDGED_RIGHT ? AUTH_ADMITTED : AUTH_REFUSED;
	const struct htpasswd_entry *entry = htpasswd_find(&server->users, shown->user);
	if (entry && entry->kind != HTPASSWD_CRYPT)
		return htpasswd_verify(entry->kind, entry->secret, shown->password) ? AUTH_ADMITTED
										    : AUTH_REFUSED;
	const struct htpasswd_entry *compared = entry ? entry : slow_one(&server->users);
	if (!compared)
		return AUTH_REFUSED;
	struct basic_job *job = find_job(server, loop, hash);
	if (!job)
		job = begin_job(server, loop, shown, hash, compared, entry != NULL);
	if (!job)
		return AUTH_BUSY;
	auth_check_add(check, &job->waiting);
	return AUTH_PENDING;
}

static enum auth_verdict check_shown(struct basic_server *server, struct loop *loop,
				     const struct credentials *shown, struct auth_check *check)
{
	struct keyed_hash hash;
	if (!keyed_hash_make(&server->key, slice_of(shown->text, shown->len), &hash))
		return auth_refuse(server->refusals, check, REFUSAL_CHECKS_BUSY, "out of memory");
	pthread_mutex_lock(&server->lock);
	enum auth_verdict verdict = judge(server, loop, shown, &hash, check);
	pthread_mutex_unlock(&server->lock);
	if (verdict == AUTH_REFUSED)
		return auth_refuse(server->refusals, check, REFUSAL_CREDENTIALS, WRONG);
	if (verdict == AUTH_BUSY)
		return auth_refuse(server->refusals, check, REFUSAL_CHECKS_BUSY,
				   "too many credentials are being checked");
	return verdict;
}

enum auth_verdict basic_server_check(void *self, struct loop *loop, struct slice value,
				     struct auth_check *check)
{
	struct basic_server *server = self;
	struct credentials shown;
	if (value.len == 0)
		return auth_refuse(server->refusals, check, REFUSAL_MISSING,
				   "no basic auth provided");
	const char *fault = decode(value, &shown);
	enum auth_verdict verdict =
		fault ? auth_refuse(server->refusals, check, REFUSAL_MALFORMED, fault)
		      : check_shown(server, loop, &shown, check);
	explicit_bzero(&shown, sizeof(shown));
	return verdict;
}
