/* SPDX-License-Identifier: Apache-2.0 */
/* An attempt is one allocation, and the value of the authenticator's header another: that may change
 * from one attempt to the next. */
#include "exporters/otlp/otlp_attempt.h"

#include <stdlib.h>

bool otlp_has_header(const struct client_header *headers, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_equal(headers[i].name, slice_str(name)))
			return true;
	}
	return false;
}

struct otlp_attempt *otlp_attempt_new(const struct client_header *headers, size_t count,
				      const struct client_authenticator *authenticator)
{
	struct otlp_attempt *attempt =
		calloc(1, sizeof(*attempt) + (count + 1) * sizeof(attempt->headers[0]));
	if (!attempt)
		return NULL;
	memcpy(attempt->headers, headers, count * sizeof(attempt->headers[0]));
	if (authenticator && !otlp_has_header(headers, count, authenticator->header)) {
		authenticator->write(authenticator->self, &attempt->credentials);
		attempt->headers[count++] = (struct client_header){
			slice_str(authenticator->header), buf_slice(&attempt->credentials)};
	}
	if (attempt->credentials.failed) {
		otlp_attempt_free(attempt);
		return NULL;
	}
	attempt->call.headers = attempt->headers;
	attempt->call.header_count = count;
	return attempt;
}

void otlp_attempt_free(struct otlp_attempt *attempt)
{
	if (attempt->credentials.data)
		explicit_bzero(attempt->credentials.data, attempt->credentials.len);
	buf_fini(&attempt->credentials);
	chunk_unref(attempt->made);
	free(attempt);
}
