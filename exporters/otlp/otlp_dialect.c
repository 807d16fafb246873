/* SPDX-License-Identifier: Apache-2.0 */
/* The dialects by endpoint. The family knows them by their symbols alone: it includes no component. */
#include "exporters/otlp/otlp_dialect.h"

#include "pipeline/base/compiler.h"

#define OTLP_DIALECT(name) extern const struct otlp_dialect otlp_dialect_##name;
#include "exporters/otlp/dialects.def"
#undef OTLP_DIALECT

#define OTLP_DIALECT(name) &otlp_dialect_##name,
static const struct otlp_dialect *const dialects[] = {
#include "exporters/otlp/dialects.def"
};
#undef OTLP_DIALECT

const struct otlp_dialect *otlp_dialect_find(const char *url)
{
	for (size_t i = 0; i < ARRAY_COUNT(dialects); i++) {
		if (dialects[i]->matches(url))
			return dialects[i];
	}
	return NULL;
}
