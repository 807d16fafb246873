/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bearertokenauth extension (RFC 6750): a server lets in who shows one of the tokens, a client shows
 * the first one. Tokens come from the configuration or from a file, one a line, which is read again
 * when it changes. Header and scheme are the Collector's; with an empty scheme the token stands alone.
 *
 * Threads: the tokens are replaced by the main thread and read by all, under a lock. A server holds
 * keyed hashes of them and compares with all, so that time tells nothing.
 */
#include "extensions/auth/keyed_hash.h"
#include "extensions/auth/refusals.h"
#include "extensions/auth/secret_file.h"
#include "pipeline/base/ascii.h"
#include "pipeline/graph/component.h"

#include <stdlib.h>

enum { TOKENS_MAX = 1000 };

struct bearer_config {
	const char *header, *scheme, *token, *filename;
	const struct config_node *tokens;
};

struct bearer {
	const struct bearer_config *config;
	struct log log;
	struct keyed_hash_key key;
	struct server_authenticator server;
	struct client_authenticator client;
	struct auth_refusals refusals;
	struct secret_file file;
	const char *missing;  /* the message for it */
	pthread_mutex_t lock; /* guards what follows */
	struct keyed_hash *accepted;
	size_t accepted_count;
	struct buf shown; /* value of the header that a client sends */
};

/* ---- configuration -------------------------------------------------------------------------- */

static bool is_token(struct slice token)
{
	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] < 0x20 || token.ptr[i] == 0x7f)
			return false;
	}
	return token.len > 0;
}

static bool is_header_name(const char *name)
{
	for (const char *at = name; *at; at++) {
		if (*at <= 0x20 || *at >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", *at))
			return false;
	}
	return *name;
}

static size_t token_count(const struct bearer_config *config)
{
	const struct config_node *tokens = config->tokens;
	return tokens && tokens->kind == CONFIG_LIST ? tokens->count : 0;
}

static const char *fault_of(const struct bearer_config *config)
{
	const struct config_node *tokens = config->tokens;
	if (tokens && tokens->kind != CONFIG_NULL && tokens->kind != CONFIG_LIST)
		return "'tokens' expected a list of texts";
	for (size_t i = 0; i < token_count(config); i++) {
		if (tokens->items[i]->kind != CONFIG_SCALAR || !is_token(tokens->items[i]->text))
			return "'tokens' expected a list of texts without control characters";
	}
	if (token_count(config) > TOKENS_MAX)
		return "'tokens' has more than 1000 entries";
	if (token_count(config) > 0 && config->token[0])
		return "either tokens or token should be provided, not both";
	if (token_count(config) == 0 && !config->token[0] && !config->filename[0])
		return "no bearer token provided";
	if (config->token[0] && !is_token(slice_str(config->token)))
		return "'token' has a control character";
	if (!is_header_name(config->header))
		return "'header' is no name of a header field";
	if (config->scheme[0] && !is_token(slice_str(config->scheme)))
		return "'scheme' has a control character";
	return NULL;
}

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct bearer_config *bearer = config;
	const char *fault = fault_of(bearer);
	struct config_loc loc = node ? node->loc : (struct config_loc){0};
	if (fault)
		config_problem(report, CONFIG_ERROR, loc, path, NULL, "%s", fault);
	if (bearer->filename[0] && (bearer->token[0] || token_count(bearer) > 0))
		config_problem(report, CONFIG_WARNING, loc, path, NULL,
			       "a filename is specified. Configured token(s) is ignored!");
}

static const struct config_field fields[] = {
	CONFIG_STRING(struct bearer_config, header, "header", "Authorization",
		      "Header field that carries the token."),
	CONFIG_STRING(struct bearer_config, scheme, "scheme", "Bearer",
		      "Stands before the token; empty: the token stands alone."),
	CONFIG_OPAQUE(struct bearer_config, token, "token", "The token; secret."),
	CONFIG_NODE(struct bearer_config, tokens, "tokens",
		    "Several tokens, secret: a server takes each, a client shows the first."),
	CONFIG_STRING(struct bearer_config, filename, "filename", "",
		      "File of tokens, one a line, read again when it changes; token and tokens do "
		      "not count then."),
};
static const struct config_block block = CONFIG_BLOCK_CHECKED(struct bearer_config, fields, check);

/* ---- tokens --------------------------------------------------------------------------------- */

/* Tokens that are gathered, to take the place of those in use. */
struct gathering {
	struct bearer *self;
	struct keyed_hash *accepted;
	size_t count;
	struct buf shown;
};

/* The value of the header with ${token}, as the first of all or to compare with. */
static int gather(struct gathering *gathering, struct slice token, struct err *err)
{
	struct bearer *self = gathering->self;
	struct buf value = BUF_INIT;
	if (!is_token(token))
		return err_set(err, ERR_CONFIG, "a token has a control character");
	if (gathering->count == TOKENS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d tokens", TOKENS_MAX);
	buf_append_str(&value, self->config->scheme);
	if (self->config->scheme[0])
		buf_append_byte(&value, ' ');
	buf_append(&value, token);
	if (value.failed || !keyed_hash_make(&self->key, buf_slice(&value),
					     &gathering->accepted[gathering->count])) {
		buf_fini(&value);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	if (gathering->count++ == 0) {
		gathering->shown = value;
		return 0;
	}
	explicit_bzero(value.data, value.len);
	buf_fini(&value);
	return 0;
}

static void wipe(struct buf *secret)
{
	if (secret->data)
		explicit_bzero(secret->data, secret->len);
	buf_fini(secret);
}

/* Puts what was gathered in place; what was there, or what was gathered when ${result} is a failure, is
 * freed. */
static int finish(struct gathering *gathering, int result)
{
	struct bearer *self = gathering->self;
	if (result == 0) {
		pthread_mutex_lock(&self->lock);
		struct keyed_hash *old = self->accepted;
		struct buf old_shown = self->shown;
		self->accepted = gathering->accepted;
		self->accepted_count = gathering->count;
		self->shown = gathering->shown;
		pthread_mutex_unlock(&self->lock);
		gathering->accepted = old;
		gathering->shown = old_shown;
	}
	free(gathering->accepted);
	wipe(&gathering->shown);
	return result;
}

static int begin(struct bearer *self, struct gathering *gathering, struct err *err)
{
	*gathering = (struct gathering){.self = self, .shown = BUF_INIT};
	gathering->accepted = calloc(TOKENS_MAX, sizeof(*gathering->accepted));
	return gathering->accepted ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static int take_file(void *arg, struct slice text, struct err *err)
{
	struct gathering gathering;
	int result = begin(arg, &gathering, err);
	while (text.len > 0 && result == 0) {
		struct slice line = secret_file_take_line(&text);
		if (line.len > 0)
			result = gather(&gathering, line, err);
	}
	if (result == 0 && gathering.count == 0)
		result = err_set(err, ERR_CONFIG, "no token in the file");
	return finish(&gathering, result);
}

static int take_configured(struct bearer *self, struct err *err)
{
	const struct bearer_config *config = self->config;
	struct gathering gathering;
	int result = begin(self, &gathering, err);
	if (result == 0 && config->token[0])
		result = gather(&gathering, slice_str(config->token), err);
	for (size_t i = 0; i < token_count(config) && result == 0; i++)
		result = gather(&gathering, config->tokens->items[i]->text, err);
	return finish(&gathering, result);
}

/* ---- at work -------------------------------------------------------------------------------- */

/* "Bearer x" and "bearer x" are the same scheme (RFC 9110 §11.1), which the Collector does not know: it
 * compares as is, and so do we. */
static enum auth_verdict check_value(void *arg, struct loop *loop, struct slice value,
				     struct auth_check *auth_check)
{
	struct bearer *self = arg;
	struct keyed_hash hash;
	bool found = false;
	(void)loop;
	if (value.len == 0)
		return auth_refuse(&self->refusals, auth_check, REFUSAL_MISSING, self->missing);
	if (!keyed_hash_make(&self->key, value, &hash))
		return auth_refuse(&self->refusals, auth_check, REFUSAL_CHECKS_BUSY,
				   "out of memory");
	pthread_mutex_lock(&self->lock);
	for (size_t i = 0; i < self->accepted_count; i++)
		found |= keyed_hash_equal(&self->accepted[i], &hash);
	pthread_mutex_unlock(&self->lock);
	if (found)
		return AUTH_ADMITTED;
	return auth_refuse(&self->refusals, auth_check, REFUSAL_CREDENTIALS,
			   "scheme or token does not match");
}

static void write_value(void *arg, struct buf *out)
{
	struct bearer *self = arg;
	pthread_mutex_lock(&self->lock);
	buf_append(out, buf_slice(&self->shown));
	pthread_mutex_unlock(&self->lock);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void destroy(void *arg)
{
	struct bearer *self = arg;
	free(self->accepted);
	wipe(&self->shown);
	pthread_mutex_destroy(&self->lock);
	explicit_bzero(&self->key, sizeof(self->key));
	free(self);
}

static bool prepare(struct bearer *self, const struct component_env *env)
{
	char *header = arena_printf(env->arena, "%s", self->config->header);
	const char *scheme = self->config->scheme[0] ? self->config->scheme : "Bearer";
	self->missing = arena_printf(env->arena, "missing or empty authorization header: %s",
				     self->config->header);
	self->server.challenge = arena_printf(env->arena, "%s", scheme);
	for (char *at = header; at && *at; at++)
		*at = (char)ascii_lower((uint8_t)*at);
	self->server.header = self->client.header = header;
	self->server.self = self->client.self = self;
	self->server.check = check_value;
	self->client.write = write_value;
	return header && self->missing && self->server.challenge && keyed_hash_key_init(&self->key);
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	struct err err = {.kind = ERR_NOMEM, .msg = "out of memory"};
	struct bearer *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->config = config;
	self->log = env->log;
	self->refusals.log = &self->log;
	pthread_mutex_init(&self->lock, NULL);
	const char *filename = self->config->filename;
	if (prepare(self, env) && (filename[0] ? secret_file_open(&self->file, filename, &self->log,
								  take_file, self, &err)
					       : take_configured(self, &err)) == 0)
		return self;
	config_problem(report, CONFIG_ERROR, (struct config_loc){0}, env->path, NULL, "%s",
		       err.msg);
	destroy(self);
	return NULL;
}

static int start(void *arg, const struct extension_host *host, struct err *err)
{
	return secret_file_watch(&((struct bearer *)arg)->file, host->loop, err);
}

static void stop(void *arg)
{
	secret_file_stop(&((struct bearer *)arg)->file);
}

static const struct server_authenticator *server_authenticator(void *arg)
{
	return &((struct bearer *)arg)->server;
}

static const struct client_authenticator *client_authenticator(void *arg)
{
	return &((struct bearer *)arg)->client;
}

static const struct metric_row metric_rows[] = {
	AUTH_REFUSAL_ROWS(struct bearer, refusals),
	SECRET_FILE_ROWS(struct bearer, file, "token"),
};
static const struct metric_table metrics = METRIC_TABLE("extension", metric_rows);

static const struct extension_ops ops = {
	.create = create,
	.start = start,
	.stop = stop,
	.destroy = destroy,
	.server_authenticator = server_authenticator,
	.client_authenticator = client_authenticator,
};

const struct component_type extension_bearertokenauth = {
	.kind = COMPONENT_EXTENSION,
	.names = {"bearertokenauth"},
	.summary = "Tokens in a header: asked of senders, or shown to backends.",
	.config = &block,
	.metrics = &metrics,
	.extension = &ops};
