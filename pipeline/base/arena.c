/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BYTES_MIN = 16 * 1024, ALIGNMENT = 16 };

struct arena_block {
	struct arena_block *next;
	size_t capacity; /* bytes after this header */
	size_t used;
	_Alignas(16) uint8_t bytes[];
};

void arena_init(struct arena *arena, struct budget *budget, size_t bytes_max)
{
	*arena = (struct arena){.budget = budget, .max = bytes_max};
}

static void free_blocks(struct arena *arena, struct arena_block *block)
{
	while (block) {
		struct arena_block *next = block->next;
		if (arena->budget)
			budget_give(arena->budget, block->capacity);
		free(block);
		block = next;
	}
}

void arena_fini(struct arena *arena)
{
	free_blocks(arena, arena->first);
	arena->first = arena->current = NULL;
	arena->used = 0;
	arena->exhausted = false;
}

void arena_reset(struct arena *arena, size_t keep_bytes)
{
	size_t kept = 0;
	struct arena_block **link = &arena->first;
	while (*link && kept + (*link)->capacity <= keep_bytes) {
		kept += (*link)->capacity;
		(*link)->used = 0;
		link = &(*link)->next;
	}
	free_blocks(arena, *link);
	*link = NULL;
	arena->current = arena->first;
	arena->used = 0;
	arena->exhausted = false;
}

/* Makes ${arena->current} a block with at least ${size} free bytes: a kept one or a new one. */
static bool next_block(struct arena *arena, size_t size)
{
	struct arena_block *kept = arena->current ? arena->current->next : arena->first;
	if (kept && kept->capacity >= size) {
		kept->used = 0;
		arena->current = kept;
		return true;
	}
	size_t last = arena->current ? arena->current->capacity : BLOCK_BYTES_MIN / 2;
	size_t capacity = last * 2 > size ? last * 2 : size;
	if (arena->budget && !budget_take(arena->budget, capacity))
		return false;
	struct arena_block *block = malloc(sizeof(*block) + capacity);
	if (!block) {
		if (arena->budget)
			budget_give(arena->budget, capacity);
		return false;
	}
	block->capacity = capacity;
	block->used = 0;
	block->next = kept;
	if (arena->current)
		arena->current->next = block;
	else
		arena->first = block;
	arena->current = block;
	return true;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t padded;
	if (__builtin_add_overflow(size, (size_t)ALIGNMENT - 1, &padded))
		goto exhausted;
	padded &= ~(size_t)(ALIGNMENT - 1);
	if (padded > arena->max - arena->used)
		goto exhausted;
	struct arena_block *block = arena->current;
	if (!block || block->capacity - block->used < padded) {
		if (!next_block(arena, padded))
			goto exhausted;
		block = arena->current;
	}
	void *ptr = block->bytes + block->used;
	block->used += padded;
	arena->used += padded;
	return ptr;
exhausted:
	arena->exhausted = true;
	return NULL;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total)) {
		arena->exhausted = true;
		return NULL;
	}
	void *ptr = arena_alloc(arena, total);
	if (ptr)
		memset(ptr, 0, total);
	return ptr;
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
	uint8_t *copy = bytes.len < SIZE_MAX ? arena_alloc(arena, bytes.len + 1) : NULL;
	if (!copy)
		return (struct slice){NULL, 0};
	if (bytes.len > 0)
		memcpy(copy, bytes.ptr, bytes.len);
	copy[bytes.len] = 0;
	return slice_of(copy, bytes.len);
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
	if (!text)
		return NULL;
	va_start(args, format);
	(void)vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}
