/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the memory knows of single spans: tallies, notes, dropped spans and the way up past them. Each
 * call locks the stripe of its trace once and leaves it within its bounds.
 */
#include "pipeline/trace/memory/trace_memory_internal.h"

/* A slot for ${id}, made when there is none; NULL when the trace has too many, or memory is short.
 */
static struct span_slot *slot_for(struct trace_memory *memory, struct stripe *stripe,
				  struct memory_entry *entry, struct slice id)
{
	struct span_slot *slot = trace_spans_find(&entry->spans, memory->hash, id);
	if (slot || entry->spans.count >= TRACE_MEMORY_SPANS_MAX)
		return slot;
	if (trace_spans_is_full(&entry->spans)) {
		size_t more = trace_spans_growth(&entry->spans);
		if (!memory_charge(memory, stripe, more))
			return NULL;
		if (!trace_spans_grow(&entry->spans, memory->hash)) {
			memory_discharge(memory, stripe, more);
			counter_add(&memory->refused, 1);
			return NULL;
		}
	}
	return trace_spans_add(&entry->spans, memory->hash, id);
}

int32_t trace_memory_tally(struct trace_memory *memory, struct trace_key key, struct slice id,
			   int32_t step)
{
	uint64_t hash = memory_hash(memory, key);
	struct stripe *stripe = memory_lock(memory, hash);
	struct memory_entry *entry = memory_find_or_add(memory, stripe, hash, key);
	struct span_slot *slot = entry ? slot_for(memory, stripe, entry, id) : NULL;
	if (slot && !slot->tallied) {
		slot->tallied = true;
		slot->tally_before = entry->tally;
		entry->tally += step; /* at most TRACE_MEMORY_SPANS_MAX steps */
	}
	int32_t before = slot ? slot->tally_before : 0;
	if (entry)
		memory_keep_bounds(memory, stripe, entry->used_ns);
	(void)pthread_mutex_unlock(&stripe->lock);
	return before;
}

/* One note both ways. */
static void exchange_note(struct trace_memory *memory, struct stripe *stripe,
			  struct memory_entry *entry, struct trace_note *note)
{
	uint8_t name[SPAN_ID_BYTES];
	memcpy(name, &note->name, sizeof(name));
	struct slice id = slice_of(name, sizeof(name));
	struct span_slot *slot = note->value == 0
					 ? trace_spans_find(&entry->spans, memory->hash, id)
					 : slot_for(memory, stripe, entry, id);
	if (!slot)
		return;
	if (slot->state == SPAN_NEW) {
		memcpy(slot->parent, &note->value, sizeof(note->value));
		slot->state = SPAN_NOTED;
		entry->note_count++;
		entry->noted[note->name >> 6 & (TRACE_NOTED_WORDS - 1)] |= UINT64_C(1)
									   << (note->name & 63);
	} else if (slot->state == SPAN_NOTED) {
		memcpy(&note->value, slot->parent, sizeof(note->value));
	}
}

void trace_memory_notes(struct trace_memory *memory, struct trace_key key, struct trace_note *notes,
			size_t count)
{
	uint64_t hash = memory_hash(memory, key);
	struct stripe *stripe = memory_lock(memory, hash);
	bool any = false;
	for (size_t i = 0; i < count; i++)
		any |= notes[i].value != 0;
	struct memory_entry *entry = any ? memory_find_or_add(memory, stripe, hash, key)
					 : memory_find(memory, stripe, hash, key);
	for (size_t i = 0; entry && i < count; i++)
		exchange_note(memory, stripe, entry, &notes[i]);
	if (entry)
		memory_keep_bounds(memory, stripe, entry->used_ns);
	(void)pthread_mutex_unlock(&stripe->lock);
}

/* It is known by now what became of ${slot}. */
static void settle(struct memory_entry *entry, struct span_slot *slot)
{
	entry->awaited_count -= slot->awaited;
	entry->settled_count += slot->awaited;
	slot->awaited = false;
}

size_t trace_memory_drop(struct trace_memory *memory, struct trace_key key,
			 const struct dropped_span *spans, size_t count, uint32_t *ret_orphans)
{
	uint64_t hash = memory_hash(memory, key);
	struct stripe *stripe = memory_lock(memory, hash);
	struct memory_entry *entry = memory_find_or_add(memory, stripe, hash, key);
	size_t remembered = 0;
	*ret_orphans = 0;
	for (size_t i = 0; entry && i < count; i++) {
		struct span_slot *slot = slot_for(memory, stripe, entry, spans[i].id);
		if (!slot)
			break;
		*ret_orphans += slot->state == SPAN_ASKED_FOR;
		settle(entry, slot);
		slot->state = spans[i].parent.len > 0 ? SPAN_DROPPED : SPAN_DROPPED_ROOT;
		if (spans[i].parent.len > 0)
			memcpy(slot->parent, spans[i].parent.ptr, SPAN_ID_BYTES);
		remembered++;
	}
	if (entry)
		memory_keep_bounds(memory, stripe, entry->used_ns);
	(void)pthread_mutex_unlock(&stripe->lock);
	return remembered;
}

static bool is_dropped(const struct span_slot *slot)
{
	return slot->state == SPAN_DROPPED || slot->state == SPAN_DROPPED_ROOT;
}

/* Follows dropped spans upwards. A circle of parents ends after HOPS_MAX like a root. */
static enum ancestry climb(const struct trace_memory *memory, struct memory_entry *entry,
			   const struct span_slot *slot, uint8_t ret_id[SPAN_ID_BYTES])
{
	for (int hops = 0; hops < TRACE_MEMORY_HOPS_MAX; hops++) {
		if (slot->state == SPAN_DROPPED_ROOT)
			return ANCESTRY_ROOT;
		memcpy(ret_id, slot->parent, SPAN_ID_BYTES);
		slot = trace_spans_find(&entry->spans, memory->hash,
					slice_of(slot->parent, SPAN_ID_BYTES));
		if (!slot || !is_dropped(slot))
			return ANCESTRY_MOVED;
	}
	return ANCESTRY_ROOT;
}

/* ---- kept ones ---- */

/* Bit ${nth} of a span among those that stay: words and the bit in them. Ids are chosen by a peer. */
static uint32_t kept_bit(const struct trace_memory *memory, struct slice id, int nth)
{
	enum { BITS = 9 };
	_Static_assert(1 << BITS == KEPT_WORDS * 64, "as many bits as there are");
	return (uint32_t)(hash_read64(id.ptr) * memory->hash.a >> (64 - BITS * (nth + 1))) &
	       ((1 << BITS) - 1);
}

static bool is_kept(const struct trace_memory *memory, const struct memory_entry *entry,
		    struct slice id)
{
	for (int nth = 0; nth < KEPT_BITS; nth++) {
		uint32_t bit = kept_bit(memory, id, nth);
		if (!(entry->kept[bit >> 6] >> (bit & 63) & 1))
			return false;
	}
	return true;
}

static void keep(const struct trace_memory *memory, struct memory_entry *entry, struct slice id)
{
	for (int nth = 0; nth < KEPT_BITS; nth++) {
		uint32_t bit = kept_bit(memory, id, nth);
		entry->kept[bit >> 6] |= UINT64_C(1) << (bit & 63);
	}
	if (entry->awaited_count == 0)
		return;
	struct span_slot *slot = trace_spans_find(&entry->spans, memory->hash, id);
	if (slot)
		settle(entry, slot);
}

void trace_memory_keep(struct trace_memory *memory, struct trace_key key, const struct slice *ids,
		       size_t count)
{
	uint64_t hash = memory_hash(memory, key);
	struct stripe *stripe = memory_lock(memory, hash);
	struct memory_entry *entry = memory_find_or_add(memory, stripe, hash, key);
	for (size_t i = 0; entry && i < count; i++)
		keep(memory, entry, ids[i]);
	if (entry)
		memory_keep_bounds(memory, stripe, entry->used_ns);
	(void)pthread_mutex_unlock(&stripe->lock);
}

/* ---- asking ---- */

/* Of a span that nobody has dropped: what its child does is remembered. */
static enum ancestry ask(const struct trace_memory *memory, struct memory_entry *entry,
			 struct span_slot *slot, struct slice id, bool waits)
{
	bool kept = is_kept(memory, entry, id);
	if (waits && !kept) {
		entry->awaited_count += !slot->awaited;
		slot->awaited = true;
	} else if (slot->state == SPAN_NEW) {
		slot->state = SPAN_ASKED_FOR;
	}
	return kept ? ANCESTRY_KEPT : ANCESTRY_UNKNOWN;
}

enum ancestry trace_memory_await(struct trace_memory *memory, struct trace_key key, struct slice id,
				 bool waits, uint8_t ret_id[SPAN_ID_BYTES])
{
	enum ancestry ancestry = ANCESTRY_KEPT; /* nobody could say more later */
	uint64_t hash = memory_hash(memory, key);
	struct stripe *stripe = memory_lock(memory, hash);
	struct memory_entry *entry = memory_find_or_add(memory, stripe, hash, key);
	struct span_slot *slot = entry ? slot_for(memory, stripe, entry, id) : NULL;
	if (slot)
		ancestry = is_dropped(slot) ? climb(memory, entry, slot, ret_id)
					    : ask(memory, entry, slot, id, waits);
	if (entry)
		memory_keep_bounds(memory, stripe, entry->used_ns);
	(void)pthread_mutex_unlock(&stripe->lock);
	return ancestry;
}

enum ancestry trace_memory_ancestor(struct trace_memory *memory, struct trace_key key,
				    struct slice id, uint8_t ret_id[SPAN_ID_BYTES])
{
	enum ancestry ancestry = trace_memory_await(memory, key, id, false, ret_id);
	return ancestry == ANCESTRY_UNKNOWN ? ANCESTRY_KEPT : ancestry;
}
