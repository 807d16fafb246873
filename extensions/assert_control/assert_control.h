/* SPDX-License-Identifier: Apache-2.0 */
/* What `sluice assert` gives the extension that others reach it through. */
#ifndef SLUICE_EXTENSIONS_ASSERT_CONTROL_ASSERT_CONTROL_H
#define SLUICE_EXTENSIONS_ASSERT_CONTROL_ASSERT_CONTROL_H

#include "pipeline/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* Who runs the assertions; called on the main loop. */
struct assert_control_owner {
	/* Appends where it stands as one JSON object. False: it cannot tell. */
	bool (*status)(void *arg, struct buf *out);
	/* No more spans are waited for. Must not stop the graph at once: the answer is still to be
	 * written. May be called again. */
	void (*finish)(void *arg);
	void *arg;
};

/* Of instance ${self}; ${owner} is copied. Before the start of the graph. */
void assert_control_set_owner(void *self, const struct assert_control_owner *owner);

/* The port that it is bound to; 0 before the start. */
uint16_t assert_control_port(const void *self);

#endif
