/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The basicauth extension (RFC 7617), with the Collector's keys: `htpasswd` makes it an authenticator for
 * servers (basic_server.h), `client_auth` one for clients. Files are read again when they change.
 *
 * Threads: users and credentials are replaced by the main thread and read by all, under a lock.
 */
#include "extensions/auth/secret_file.h"
#include "extensions/basicauth/basic_server.h"
#include "pipeline/base/base64.h"
#include "pipeline/graph/component.h"

#include <stdlib.h>

struct htpasswd_config {
	const char *file, *inline_text;
};

struct client_config_block {
	const char *username, *username_file, *password, *password_file;
};

struct basicauth_config {
	struct htpasswd_config htpasswd;
	struct client_config_block client;
	bool htpasswd_present, client_present;
};

enum { FILE_USERS = 0, FILE_USERNAME, FILE_PASSWORD, FILE_COUNT };

struct basicauth {
	const struct basicauth_config *config;
	struct log log;
	struct auth_refusals refusals;
	struct server_authenticator server;
	struct client_authenticator client;
	struct basic_server judge;
	struct secret_file files[FILE_COUNT];
	pthread_mutex_t lock; /* guards what follows: of a client */
	struct buf username, password;
};

/* ---- configuration -------------------------------------------------------------------------- */

static bool is_set(const char *text)
{
	return text[0];
}

static const char *fault_of(const struct basicauth_config *config)
{
	const struct client_config_block *client = &config->client;
	if (config->htpasswd_present && config->client_present)
		return "only one of `htpasswd` or `client_auth` can be specified";
	if (!config->htpasswd_present && !config->client_present)
		return "no credential source provided";
	if (config->htpasswd_present)
		return is_set(config->htpasswd.file) || is_set(config->htpasswd.inline_text)
			       ? NULL
			       : "no credential source provided";
	if (!is_set(client->username) && !is_set(client->username_file) &&
	    !is_set(client->password) && !is_set(client->password_file))
		return "no credential source provided";
	if (strchr(client->username, ':'))
		return "invalid authorization format: 'username' must not have a colon";
	return NULL;
}

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const char *fault = fault_of(config);
	if (fault)
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL, "%s", fault);
}

static const struct config_field htpasswd_fields[] = {
	CONFIG_STRING(struct htpasswd_config, file, "file", "",
		      "Path of a htpasswd file, read again when it changes."),
	CONFIG_OPAQUE(struct htpasswd_config, inline_text, "inline",
		      "Lines as in the file, which win over it; secret."),
};
static const struct config_block htpasswd_block =
	CONFIG_BLOCK(struct htpasswd_config, htpasswd_fields);

static const struct config_field client_fields[] = {
	CONFIG_STRING(struct client_config_block, username, "username", "", "Who we are."),
	CONFIG_STRING(struct client_config_block, username_file, "username_file", "",
		      "File with the name, in place of `username`."),
	CONFIG_OPAQUE(struct client_config_block, password, "password", "The password; secret."),
	CONFIG_STRING(struct client_config_block, password_file, "password_file", "",
		      "File with the password, in place of `password`."),
};
static const struct config_block client_block =
	CONFIG_BLOCK(struct client_config_block, client_fields);

static const struct config_field fields[] = {
	CONFIG_OPTIONAL(struct basicauth_config, htpasswd, htpasswd_present, "htpasswd",
			&htpasswd_block,
			"For servers: who is let in. bcrypt, $5$, $6$, {SHA} and plain passwords."),
	CONFIG_OPTIONAL(struct basicauth_config, client, client_present, "client_auth",
			&client_block, "For clients: what they show."),
};
static const struct config_block block =
	CONFIG_BLOCK_CHECKED(struct basicauth_config, fields, check);

/* ---- for servers ---------------------------------------------------------------------------- */

/* Of the file's content and the inline lines, which come last. */
static int take_users(void *arg, struct slice text, struct err *err)
{
	struct basicauth *self = arg;
	struct htpasswd users = {0};
	struct buf all = BUF_INIT;
	buf_append(&all, text);
	buf_append_byte(&all, '\n');
	buf_append_str(&all, self->config->htpasswd.inline_text);
	int result = all.failed ? err_set(err, ERR_NOMEM, "out of memory")
				: htpasswd_parse(buf_slice(&all), &users, err);
	if (all.data)
		explicit_bzero(all.data, all.len);
	buf_fini(&all);
	if (result != 0)
		return -1;
	if (users.count == 0) {
		htpasswd_free(&users);
		return err_set(err, ERR_CONFIG, "no line \"user:password\" that can be used");
	}
	if (users.unusable > 0)
		log_warn(&self->log,
			 LOG_MSG("Lines of htpasswd are not used: no user and hash of a known form "
				 "(bcrypt up to cost 15, $5$, $6$, {SHA})"),
			 LOG_UINT("lines", users.unusable),
			 LOG_UINT("first", users.first_unusable));
	basic_server_set_users(&self->judge, &users);
	return 0;
}

/* ---- for clients ---------------------------------------------------------------------------- */

static int take_text(struct basicauth *self, struct buf *into, struct slice text, struct err *err)
{
	struct buf fresh = BUF_INIT;
	text = secret_file_trim(text);
	buf_append(&fresh, text);
	if (fresh.failed)
		return err_set(err, ERR_NOMEM, "out of memory");
	pthread_mutex_lock(&self->lock);
	struct buf old = *into;
	*into = fresh;
	pthread_mutex_unlock(&self->lock);
	if (old.data)
		explicit_bzero(old.data, old.len);
	buf_fini(&old);
	return 0;
}

static int take_username(void *arg, struct slice text, struct err *err)
{
	struct basicauth *self = arg;
	if (text.len > 0 && memchr(text.ptr, ':', text.len))
		return err_set(err, ERR_CONFIG, "a user name must not have a colon");
	return take_text(self, &self->username, text, err);
}

static int take_password(void *arg, struct slice text, struct err *err)
{
	struct basicauth *self = arg;
	return take_text(self, &self->password, text, err);
}

static void write_value(void *arg, struct buf *out)
{
	struct basicauth *self = arg;
	struct buf pair = BUF_INIT;
	pthread_mutex_lock(&self->lock);
	buf_append(&pair, buf_slice(&self->username));
	buf_append_byte(&pair, ':');
	buf_append(&pair, buf_slice(&self->password));
	pthread_mutex_unlock(&self->lock);
	buf_append(out, SLICE("Basic "));
	base64_append(out, buf_slice(&pair));
	out->failed |= pair.failed;
	if (pair.data)
		explicit_bzero(pair.data, pair.len);
	buf_fini(&pair);
}

/* ---- life ----------------------------------------------------------------------------------- */

static int read_or_take(struct basicauth *self, int which, const char *path, const char *text,
			secret_file_take *take, struct err *err)
{
	if (path[0])
		return secret_file_open(&self->files[which], path, &self->log, take, self, err);
	return take(self, slice_str(text), err);
}

static int read_all(struct basicauth *self, struct err *err)
{
	const struct client_config_block *client = &self->config->client;
	if (self->config->htpasswd_present)
		return read_or_take(self, FILE_USERS, self->config->htpasswd.file, "", take_users,
				    err);
	if (read_or_take(self, FILE_USERNAME, client->username_file, client->username,
			 take_username, err) != 0)
		return -1;
	return read_or_take(self, FILE_PASSWORD, client->password_file, client->password,
			    take_password, err);
}

static void destroy(void *arg)
{
	struct basicauth *self = arg;
	struct buf *secrets[] = {&self->username, &self->password};
	for (size_t i = 0; i < ARRAY_COUNT(secrets); i++) {
		if (secrets[i]->data)
			explicit_bzero(secrets[i]->data, secrets[i]->len);
		buf_fini(secrets[i]);
	}
	basic_server_fini(&self->judge);
	pthread_mutex_destroy(&self->lock);
	free(self);
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	struct err err = {.kind = ERR_INTERNAL, .msg = "no random bytes"};
	struct basicauth *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->config = config;
	self->log = env->log;
	self->refusals.log = &self->log;
	self->server = (struct server_authenticator){
		.header = "authorization",
		.challenge = "Basic realm=\"otlp\", charset=\"UTF-8\"",
		.self = &self->judge,
		.check = basic_server_check};
	self->client = (struct client_authenticator){
		.header = "authorization", .self = self, .write = write_value};
	pthread_mutex_init(&self->lock, NULL);
	if (basic_server_init(&self->judge, &self->refusals) && read_all(self, &err) == 0)
		return self;
	config_problem(report, CONFIG_ERROR, (struct config_loc){0}, env->path, NULL, "%s",
		       err.msg);
	destroy(self);
	return NULL;
}

static int start(void *arg, const struct extension_host *host, struct err *err)
{
	struct basicauth *self = arg;
	for (int i = 0; i < FILE_COUNT; i++) {
		if (secret_file_watch(&self->files[i], host->loop, err) != 0)
			return -1;
	}
	return 0;
}

static void stop(void *arg)
{
	struct basicauth *self = arg;
	for (int i = 0; i < FILE_COUNT; i++)
		secret_file_stop(&self->files[i]);
}

static const struct server_authenticator *server_authenticator(void *arg)
{
	struct basicauth *self = arg;
	return self->config->htpasswd_present ? &self->server : NULL;
}

static const struct client_authenticator *client_authenticator(void *arg)
{
	struct basicauth *self = arg;
	return self->config->client_present ? &self->client : NULL;
}

static const struct metric_row metric_rows[] = {
	AUTH_REFUSAL_ROWS(struct basicauth, refusals),
	SECRET_FILE_ROWS(struct basicauth, files[FILE_USERS], "htpasswd"),
	SECRET_FILE_ROWS(struct basicauth, files[FILE_USERNAME], "username"),
	SECRET_FILE_ROWS(struct basicauth, files[FILE_PASSWORD], "password"),
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

const struct component_type extension_basicauth = {
	.kind = COMPONENT_EXTENSION,
	.names = {"basicauth"},
	.summary = "User names and passwords: asked of senders, or shown to backends.",
	.config = &block,
	.metrics = &metrics,
	.extension = &ops};
