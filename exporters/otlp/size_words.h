/* SPDX-License-Identifier: Apache-2.0 */
/* The words in which servers, proxies and gRPC libraries say that a request is too large. */
#ifndef SLUICE_DELIVERY_SIZE_WORDS_H
#define SLUICE_DELIVERY_SIZE_WORDS_H

#include "pipeline/base/slice.h"

/* True when ${text}, a grpc-message or the body of an error, says that the request was too large:
 * not its header, and not that there were too many of them. The text is looked at, never kept. */
bool speaks_of_size(struct slice text);

#endif
