/* SPDX-License-Identifier: Apache-2.0 */
/* The likeliest mistake in an address that should come from the environment. For pipeline/net. */
#ifndef SLUICE_NET_SHELL_VARIABLE_H
#define SLUICE_NET_SHELL_VARIABLE_H

#include "pipeline/base/error.h"
#include "pipeline/base/slice.h"

/* 0, or -1 with ERR_CONFIG when ${address} holds "$NAME", which a shell would replace and the
 * configuration does not: the text shows the name and what to write. */
MUST_CHECK int shell_variable_refuse(struct slice address, struct err *err);

#endif
