/* SPDX-License-Identifier: Apache-2.0 */
/* Values in a form that Langfuse can read. */
#ifndef SLUICE_PROCESSORS_LANGFUSE_VALUES_H
#define SLUICE_PROCESSORS_LANGFUSE_VALUES_H

#include "processors/langfuse/langfuse_internal.h"

/* Maps, bytes and arrays of more than scalars become JSON texts; empty arrays go. Up to
 * VALUES_CONVERTED_MAX per element; what is beyond stays and is counted. Returns whether anything was changed. */
enum { VALUES_CONVERTED_MAX = 256 };
bool values_convert(struct run *run, struct owner owner);

/* ${text} without the quotation marks around it, if it has them: a JSON text without escapes. */
struct slice values_unquoted(struct slice text);

/* When the first token of the call came (Unix epoch), from seconds that the span says or an event of
 * it; 0: it does not say. */
uint64_t values_first_token(const struct run *run, uint32_t span, const struct span_roles *roles);

/* ISO 8601 in UTC with milliseconds, as Langfuse keeps times. False for years of five digits. */
enum { TIME_BYTES = sizeof("2026-01-01T00:00:00.000Z") - 1 };
bool values_write_time(uint64_t at_ns, char out[TIME_BYTES]);

/* Langfuse shows "default" for an environment that is no slug of at most 40 characters. */
enum { ENVIRONMENT_BYTES_MAX = 40 };

/* ${given} if it is such a slug, or can be made none; else one of it in ${slug}. */
struct slice values_environment(struct slice given, char slug[ENVIRONMENT_BYTES_MAX]);
void values_set_environment(struct run *run, struct owner owner, const struct span_roles *roles);

#endif
