/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of an HTTP/2 session, charged to its connection's account: header tables, states of
 * streams, frames that wait for a peer that does not read. What counts is what malloc really gave,
 * and its own word beside each block.
 */
#include "pipeline/net/server_internal.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { HEAP_BLOCK_BYTES = 8 /* that malloc adds to a block */ };

static void session_free(void *block, void *arg)
{
	if (!block)
		return;
	account_give(arg, malloc_usable_size(block) + HEAP_BLOCK_BYTES);
	free(block);
}

/* ${block} if the account takes it, with what malloc really gave. */
static void *charge(struct account *account, void *block)
{
	if (block && !account_take(account, malloc_usable_size(block) + HEAP_BLOCK_BYTES)) {
		free(block);
		return NULL;
	}
	return block;
}

static void *session_malloc(size_t size, void *arg)
{
	return charge(arg, malloc(size));
}

static void *session_calloc(size_t count, size_t size, void *arg)
{
	return charge(arg, calloc(count, size));
}

/* A copy: the old block has to stay when the account refuses the new one. */
static void *session_realloc(void *block, size_t size, void *arg)
{
	size_t old_size = block ? malloc_usable_size(block) : 0;
	void *larger = session_malloc(size, arg);
	if (!larger)
		return NULL;
	if (block)
		memcpy(larger, block, old_size < size ? old_size : size);
	session_free(block, arg);
	return larger;
}

nghttp2_mem http2_memory(struct account *account)
{
	return (nghttp2_mem){account, session_malloc, session_free, session_calloc,
			     session_realloc};
}
