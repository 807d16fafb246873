/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks stand in a list and are used in its order. A reset keeps the first ones up to a size and
 * frees the rest. Under AddressSanitizer what is not handed out is poisoned.
 */
#include "pipeline/base/arena.h"

#include "pipeline/base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif

/* Under AddressSanitizer what is not handed out is poisoned, so that a slice which outlives a reset
 * traps at its first use. */
#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(ptr, size) ((void)(ptr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(ptr, size) ((void)(ptr), (void)(size))
#endif

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
		ASAN_UNPOISON_MEMORY_REGION(block->bytes, block->capacity);
		free(block);
		block = next;
	}
}

void arena_fini(struct arena *arena)
{
	free_blocks(arena, arena->first);
	arena->first = arena->current = NULL;
	arena->used = 0;
	arena->exhausted = arena->over_max = false;
}

void arena_reset(struct arena *arena, size_t keep_bytes)
{
	size_t kept = 0;
	struct arena_block **link = &arena->first;
	while (*link && kept + (*link)->capacity <= keep_bytes) {
		kept += (*link)->capacity;
		(*link)->used = 0;
		ASAN_POISON_MEMORY_REGION((*link)->bytes, (*link)->capacity);
		link = &(*link)->next;
	}
	free_blocks(arena, *link);
	*link = NULL;
	arena->current = arena->first;
	arena->used = 0;
	arena->exhausted = arena->over_max = false;
}

/* A block of ${capacity} bytes after the current one, charged to the budget; NULL when refused. */
static struct arena_block *insert_block(struct arena *arena, size_t capacity)
{
	if (arena->budget && !budget_take(arena->budget, capacity))
		return NULL;
	struct arena_block *block = malloc(sizeof(*block) + capacity);
	if (!block) {
		if (arena->budget)
			budget_give(arena->budget, capacity);
		return NULL;
	}
	struct arena_block **link = arena->current ? &arena->current->next : &arena->first;
	block->capacity = capacity;
	block->used = 0;
	block->next = *link;
	*link = block;
	ASAN_POISON_MEMORY_REGION(block->bytes, capacity);
	return block;
}

/* Sizes double, but never past the arena's maximum by more than the tails that did not fit. */
static size_t next_capacity(const struct arena *arena, size_t size)
{
	size_t left = arena->max - arena->used;
	size_t doubled = arena->current ? 2 * arena->current->capacity : BLOCK_BYTES_MIN;
	size_t capacity = doubled < left ? doubled : left;
	return capacity > size ? capacity : size;
}

/* The block to take ${size} bytes from, made current: this one, a kept one or a new one. */
static struct arena_block *block_for(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->current;
	if (block && block->capacity - block->used >= size)
		return block;
	struct arena_block *kept = block ? block->next : arena->first;
	block = kept && kept->capacity >= size ? kept
					       : insert_block(arena, next_capacity(arena, size));
	if (block)
		arena->current = block;
	return block;
}

static void *refuse(struct arena *arena)
{
	arena->exhausted = true;
	return NULL;
}

static void *refuse_for_good(struct arena *arena)
{
	arena->over_max = true;
	return refuse(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t padded;
	if (__builtin_add_overflow(size, (size_t)ALIGNMENT - 1, &padded))
		return refuse_for_good(arena);
	padded &= ~(size_t)(ALIGNMENT - 1);
	if (padded > arena->max - arena->used)
		return refuse_for_good(arena);
	struct arena_block *block = block_for(arena, padded);
	if (!block)
		return refuse(arena);
	ASSERT(padded <= block->capacity - block->used);
	void *ptr = block->bytes + block->used;
	block->used += padded;
	arena->used += padded;
	ASAN_UNPOISON_MEMORY_REGION(ptr, size);
	return ptr;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total))
		return refuse_for_good(arena);
	void *ptr = arena_alloc(arena, total);
	if (ptr)
		memset(ptr, 0, total);
	return ptr;
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
	/* SIZE_MAX is refused there, so the addition may stop at it. */
	uint8_t *copy = arena_alloc(arena, bytes.len < SIZE_MAX ? bytes.len + 1 : SIZE_MAX);
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
	char *text = len < 0 ? refuse(arena) : arena_alloc(arena, (size_t)len + 1);
	if (!text)
		return NULL;
	va_start(args, format);
	(void)vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}
