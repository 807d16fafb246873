/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a request is let in. The authenticator is asked when the header is complete. While it has not
 * answered, the body is received, within its limits, and not looked at: the handler learns of the
 * request when it is admitted, and never when it is not.
 */
#include "pipeline/net/server_internal.h"

static void refuse(struct request *request, enum auth_verdict verdict)
{
	request->base.challenge = request->sc->worker->server->config.authenticator->challenge;
	request_refuse(request, verdict == AUTH_BUSY ? REFUSED_AUTH_BUSY : REFUSED_UNAUTHENTICATED,
		       request->auth.message);
}

static void on_verdict(struct auth_check *check, enum auth_verdict verdict)
{
	struct request *request = CONTAINER_OF(check, struct request, auth);
	ASSERT(request->auth_pending && !request->in_handler);
	request->auth_pending = false;
	request->in_handler = true;
	if (verdict == AUTH_ADMITTED)
		request_admit(request);
	else
		refuse(request, verdict);
	request->in_handler = false;
	if (request->sc->protocol->settle)
		request->sc->protocol->settle(request);
}

bool request_authenticate(struct request *request)
{
	const struct server_config *config = &request->sc->worker->server->config;
	const struct server_authenticator *authenticator = config->authenticator;
	if (!authenticator || (config->handler->is_public &&
			       config->handler->is_public(config->handler_arg, &request->base)))
		return true;
	struct slice value = server_request_header(&request->base, authenticator->header);
	request->auth = (struct auth_check){.done = on_verdict};
	enum auth_verdict verdict = authenticator->check(
		authenticator->self, request->base.shard->loop, value, &request->auth);
	request->auth_pending = verdict == AUTH_PENDING;
	if (verdict == AUTH_REFUSED || verdict == AUTH_BUSY)
		refuse(request, verdict);
	return verdict == AUTH_ADMITTED;
}

void request_stop_authenticating(struct request *request)
{
	auth_check_cancel(&request->auth);
	request->auth_pending = false;
}
