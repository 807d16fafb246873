/* SPDX-License-Identifier: Apache-2.0 */
/* A server with one worker on the loop that it accepts on, which is asked for nothing at its end. */
#include "pipeline/net/admin_server.h"

int admin_server_start(struct admin_server *admin, const struct admin_server_config *config,
		       struct loop *loop, struct server_shard *shard, struct err *err)
{
	const struct server_config server = {.endpoint = config->endpoint,
					     .transport = config->transport,
					     .label = config->label,
					     .tls = config->tls,
					     .budget = &admin->budget,
					     .limits = server_limits_probe(),
					     .handler = config->handler,
					     .handler_arg = config->handler_arg,
					     .keep_alives = true};
	budget_init(&admin->budget, config->bytes_max);
	admin->server = server_new(&server, config->log, err);
	if (!admin->server)
		return -1;
	if (!server_register(admin->server, config->metrics, config->owner, config->id,
			     config->listener))
		return err_set(err, ERR_NOMEM, "out of memory");
	return server_start(admin->server, loop, shard, 1, err);
}

uint16_t admin_server_port(const struct admin_server *admin)
{
	return admin->server ? server_port(admin->server) : 0;
}

static void on_drained(void *arg)
{
	(void)arg;
}

void admin_server_stop(struct admin_server *admin)
{
	if (!admin->server)
		return;
	server_drain(admin->server, on_drained, NULL);
	server_abort(admin->server);
}

void admin_server_fini(struct admin_server *admin)
{
	if (admin->server)
		server_free(admin->server);
	admin->server = NULL;
}
