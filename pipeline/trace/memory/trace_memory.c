/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table: stripes with a lock each, a chained hash table per stripe, and a list in order of use
 * from whose old end traces are forgotten. An entry holds the facts of one trace for one party and,
 * behind them, a small open-addressed set of span ids (trace_spans.c).
 *
 * Every byte is charged to the process's budget. When the budget refuses, the trace is not
 * remembered: the caller is told and spans pass as if the trace were new.
 */
#include "pipeline/trace/memory/trace_memory.h"

#include "pipeline/base/clock.h"
#include "pipeline/base/hash.h"
#include "pipeline/trace/memory/trace_memory_internal.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	STRIPES = 64,	      /* a power of two */
	BUCKETS = 1024,	      /* per stripe, a power of two */
	SWEEP_PER_ACCESS = 4, /* old traces forgotten beside an access, at most */
};

struct stripe {
	pthread_mutex_t lock;
	struct memory_entry *buckets[BUCKETS];
	struct memory_entry *newest, *oldest;
	uint32_t count;
	uint64_t bytes;
};

enum evicted { EVICTED_TRACES = 0, EVICTED_BYTES, EVICTED_AGE, EVICTED_COUNT };

struct trace_memory {
	struct budget *budget; /* immutable */
	trace_memory_clock *clock;
	struct hash_key hash;
	struct trace_memory_limits limits; /* immutable once shards run */
	uint32_t party_count;
	_Atomic uint64_t traces, bytes;
	struct counter evicted[EVICTED_COUNT], refused;
	struct stripe stripes[STRIPES];
};

/* ---- life ----------------------------------------------------------------------------------- */

struct trace_memory *trace_memory_new(struct budget *budget, trace_memory_clock *clock)
{
	struct trace_memory *memory = calloc(1, sizeof(*memory));
	if (!memory)
		return NULL;
	memory->budget = budget;
	memory->clock = clock ? clock : clock_monotonic_ns;
	memory->hash = hash_key_random();
	for (size_t i = 0; i < STRIPES; i++)
		(void)pthread_mutex_init(&memory->stripes[i].lock, NULL);
	return memory;
}

static size_t entry_bytes(const struct memory_entry *entry)
{
	size_t bytes = sizeof(*entry) + trace_spans_bytes(&entry->spans);
	for (int fact = 0; fact < TRACE_FACT_COUNT; fact++)
		bytes += entry->facts[fact].len;
	return bytes;
}

static void free_entry(struct memory_entry *entry)
{
	for (int fact = 0; fact < TRACE_FACT_COUNT; fact++)
		free(entry->facts[fact].text);
	free(entry->spans.slots);
	free(entry);
}

/* Takes or gives back what an entry has grown or shrunk by. */
static bool charge(struct trace_memory *memory, struct stripe *stripe, size_t bytes)
{
	if (!budget_take(memory->budget, bytes)) {
		counter_add(&memory->refused, 1);
		return false;
	}
	stripe->bytes += bytes;
	atomic_fetch_add_explicit(&memory->bytes, bytes, memory_order_relaxed);
	return true;
}

static void discharge(struct trace_memory *memory, struct stripe *stripe, size_t bytes)
{
	budget_give(memory->budget, bytes);
	stripe->bytes -= bytes;
	atomic_fetch_sub_explicit(&memory->bytes, bytes, memory_order_relaxed);
}

void trace_memory_free(struct trace_memory *memory)
{
	if (!memory)
		return;
	for (size_t i = 0; i < STRIPES; i++) {
		struct stripe *stripe = &memory->stripes[i];
		for (struct memory_entry *entry = stripe->newest, *older; entry; entry = older) {
			older = entry->older;
			budget_give(memory->budget, entry_bytes(entry));
			free_entry(entry);
		}
		(void)pthread_mutex_destroy(&stripe->lock);
	}
	free(memory);
}

uint32_t trace_memory_join(struct trace_memory *memory, const struct trace_memory_limits *limits)
{
	struct trace_memory_limits *have = &memory->limits;
	if (limits->traces_max > have->traces_max)
		have->traces_max = limits->traces_max;
	if (limits->bytes_max > have->bytes_max)
		have->bytes_max = limits->bytes_max;
	if (limits->age_ns > have->age_ns)
		have->age_ns = limits->age_ns;
	return ++memory->party_count;
}

/* ---- telling -------------------------------------------------------------------------------- */

static const struct metric_desc metric_traces = {
	"sluice_trace_memory_traces", "{traces}",
	"Traces whose facts are remembered between requests", METRIC_GAUGE};
static const struct metric_desc metric_bytes = {
	"sluice_trace_memory_bytes", "By", "Bytes of what is remembered of traces", METRIC_GAUGE};
static const struct metric_desc metric_evicted = {
	"sluice_trace_memory_evicted", "{traces}",
	"Traces forgotten because of the limit on traces, bytes or age", METRIC_COUNTER};
static const struct metric_desc metric_refused = {
	"sluice_trace_memory_refused", "{refusals}",
	"Times that the process's memory bound kept a fact from being remembered", METRIC_COUNTER};

static double read_atomic(void *arg)
{
	return (double)atomic_load((_Atomic uint64_t *)arg);
}

bool trace_memory_register(struct trace_memory *memory, struct metrics *metrics)
{
	static const char *const reasons[EVICTED_COUNT] = {"traces", "bytes", "age"};
	bool added = metrics_add_read(metrics, &metric_traces, "", read_atomic, &memory->traces) &&
		     metrics_add_read(metrics, &metric_bytes, "", read_atomic, &memory->bytes) &&
		     metrics_add(metrics, &metric_refused, "", &memory->refused);
	for (int reason = 0; reason < EVICTED_COUNT; reason++) {
		struct buf labels = BUF_INIT;
		metrics_label(&labels, "reason", reasons[reason]);
		added = added && metrics_add(metrics, &metric_evicted, buf_cstr(&labels),
					     &memory->evicted[reason]);
		buf_fini(&labels);
	}
	return added;
}

/* ---- order of use --------------------------------------------------------------------------- */

static void unlink_entry(struct stripe *stripe, struct memory_entry *entry)
{
	*(entry->newer ? &entry->newer->older : &stripe->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &stripe->oldest) = entry->newer;
}

static void link_newest(struct stripe *stripe, struct memory_entry *entry)
{
	entry->newer = NULL;
	entry->older = stripe->newest;
	*(entry->older ? &entry->older->newer : &stripe->oldest) = entry;
	stripe->newest = entry;
}

static void forget_oldest(struct trace_memory *memory, struct stripe *stripe, enum evicted why)
{
	struct memory_entry *entry = stripe->oldest, **at;
	unlink_entry(stripe, entry);
	for (at = &stripe->buckets[entry->hash & (BUCKETS - 1)]; *at != entry; at = &(*at)->next)
		;
	*at = entry->next;
	discharge(memory, stripe, entry_bytes(entry));
	free_entry(entry);
	stripe->count--;
	atomic_fetch_sub_explicit(&memory->traces, 1, memory_order_relaxed);
	counter_add(&memory->evicted[why], 1);
}

static bool is_over_age(const struct trace_memory *memory, const struct stripe *stripe,
			uint64_t now_ns)
{
	return stripe->oldest && now_ns > stripe->oldest->used_ns &&
	       now_ns - stripe->oldest->used_ns > memory->limits.age_ns;
}

/* The limits hold per stripe: trace ids are random, so stripes fill alike. */
static void keep_bounds(struct trace_memory *memory, struct stripe *stripe, uint64_t now_ns)
{
	uint32_t count_max = memory->limits.traces_max / STRIPES + 1;
	uint64_t bytes_max = memory->limits.bytes_max / STRIPES + 1;
	for (int i = 0; i < SWEEP_PER_ACCESS && is_over_age(memory, stripe, now_ns); i++)
		forget_oldest(memory, stripe, EVICTED_AGE);
	/* The newest is the one in use. */
	while (stripe->count > count_max && stripe->oldest != stripe->newest)
		forget_oldest(memory, stripe, EVICTED_TRACES);
	while (stripe->bytes > bytes_max && stripe->oldest != stripe->newest)
		forget_oldest(memory, stripe, EVICTED_BYTES);
}

void trace_memory_sweep(struct trace_memory *memory)
{
	uint64_t now_ns = memory->clock();
	for (size_t i = 0; i < STRIPES; i++) {
		struct stripe *stripe = &memory->stripes[i];
		(void)pthread_mutex_lock(&stripe->lock);
		while (is_over_age(memory, stripe, now_ns))
			forget_oldest(memory, stripe, EVICTED_AGE);
		(void)pthread_mutex_unlock(&stripe->lock);
	}
}

/* ---- finding -------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct trace_memory *memory, struct trace_key key)
{
	struct hash_key hash = memory->hash;
	hash.a ^= (uint64_t)key.party << 1; /* stays odd */
	return hash_bytes(hash, key.trace_id.ptr, TRACE_ID_BYTES);
}

/* The stripe of ${hash}, locked. The bucket is taken from other bits. */
static struct stripe *lock_stripe(struct trace_memory *memory, uint64_t hash)
{
	struct stripe *stripe = &memory->stripes[hash >> 58 & (STRIPES - 1)];
	(void)pthread_mutex_lock(&stripe->lock);
	return stripe;
}

static struct memory_entry *find(struct trace_memory *memory, struct stripe *stripe, uint64_t hash,
				 struct trace_key key)
{
	uint64_t now_ns = memory->clock();
	for (int i = 0; i < SWEEP_PER_ACCESS && is_over_age(memory, stripe, now_ns); i++)
		forget_oldest(memory, stripe, EVICTED_AGE);
	struct memory_entry *entry = stripe->buckets[hash & (BUCKETS - 1)];
	while (entry && (entry->hash != hash || entry->party != key.party ||
			 memcmp(entry->trace_id, key.trace_id.ptr, TRACE_ID_BYTES) != 0))
		entry = entry->next;
	if (!entry)
		return NULL;
	entry->used_ns = now_ns;
	unlink_entry(stripe, entry);
	link_newest(stripe, entry);
	return entry;
}

static struct memory_entry *find_or_add(struct trace_memory *memory, struct stripe *stripe,
					uint64_t hash, struct trace_key key)
{
	struct memory_entry *entry = find(memory, stripe, hash, key);
	if (entry)
		return entry;
	if (!charge(memory, stripe, sizeof(*entry)))
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry) {
		discharge(memory, stripe, sizeof(*entry));
		counter_add(&memory->refused, 1);
		return NULL;
	}
	entry->hash = hash;
	entry->party = key.party;
	memcpy(entry->trace_id, key.trace_id.ptr, TRACE_ID_BYTES);
	entry->used_ns = memory->clock();
	entry->next = stripe->buckets[hash & (BUCKETS - 1)];
	stripe->buckets[hash & (BUCKETS - 1)] = entry;
	link_newest(stripe, entry);
	stripe->count++;
	atomic_fetch_add_explicit(&memory->traces, 1, memory_order_relaxed);
	keep_bounds(memory, stripe, entry->used_ns);
	return entry;
}

/* ---- facts ---------------------------------------------------------------------------------- */

void trace_facts_add(struct trace_facts *facts, enum trace_fact fact, uint8_t rank,
		     struct slice text)
{
	struct slice *have = &facts->text[fact];
	if (text.len == 0 || text.len > TRACE_FACT_BYTES_MAX)
		return;
	if (have->len > 0 && rank < facts->rank[fact])
		return;
	if (have->len > 0 && rank == facts->rank[fact]) {
		facts->conflict[fact] |= !slice_equal(*have, text);
		return;
	}
	*have = text;
	facts->rank[fact] = rank;
	facts->conflict[fact] = false;
}

/* Replaces a remembered text. False when there was no memory for it. */
static bool store(struct trace_memory *memory, struct stripe *stripe, struct memory_fact *have,
		  struct slice text, uint8_t rank)
{
	if (!charge(memory, stripe, text.len))
		return false;
	uint8_t *copy = malloc(text.len);
	if (!copy) {
		discharge(memory, stripe, text.len);
		counter_add(&memory->refused, 1);
		return false;
	}
	memcpy(copy, text.ptr, text.len);
	discharge(memory, stripe, have->len);
	free(have->text);
	*have = (struct memory_fact){.text = copy, .len = (uint16_t)text.len, .rank = rank};
	return true;
}

/* One fact both ways: what the request knows better is remembered, what the memory knows is copied
 * out. */
static bool exchange(struct trace_memory *memory, struct stripe *stripe, struct memory_fact *have,
		     struct trace_facts *facts, enum trace_fact fact, struct arena *arena)
{
	struct slice known = {have->text, have->len};
	struct slice given = facts->text[fact];
	if (given.len > 0 && (known.len == 0 || facts->rank[fact] > have->rank)) {
		if (!store(memory, stripe, have, given, facts->rank[fact]))
			return false;
		have->conflict = facts->conflict[fact];
		return true;
	}
	if (known.len == 0)
		return true;
	if (given.len > 0 && facts->rank[fact] == have->rank)
		have->conflict |= facts->conflict[fact] || !slice_equal(known, given);
	struct slice copy = arena_copy(arena, known);
	if (!copy.ptr)
		return false;
	facts->text[fact] = copy;
	facts->rank[fact] = have->rank;
	facts->conflict[fact] = have->conflict;
	return true;
}

static bool any_fact(const struct trace_facts *facts)
{
	for (int fact = 0; fact < TRACE_FACT_COUNT; fact++) {
		if (facts->text[fact].len > 0)
			return true;
	}
	return false;
}

bool trace_memory_exchange(struct trace_memory *memory, struct trace_key key,
			   struct trace_facts *facts, struct arena *arena)
{
	uint64_t hash = hash_of(memory, key);
	struct stripe *stripe = lock_stripe(memory, hash);
	struct memory_entry *entry = any_fact(facts) ? find_or_add(memory, stripe, hash, key)
						     : find(memory, stripe, hash, key);
	bool done = entry != NULL || !any_fact(facts);
	for (int fact = 0; entry && fact < TRACE_FACT_COUNT; fact++)
		done &= exchange(memory, stripe, &entry->facts[fact], facts, (enum trace_fact)fact,
				 arena);
	if (entry)
		memcpy(facts->noted, entry->noted, sizeof(facts->noted));
	if (entry)
		keep_bounds(memory, stripe, entry->used_ns);
	(void)pthread_mutex_unlock(&stripe->lock);
	return done;
}

bool trace_memory_knows(struct trace_memory *memory, struct trace_key key, enum trace_fact fact)
{
	uint64_t hash = hash_of(memory, key);
	struct stripe *stripe = lock_stripe(memory, hash);
	const struct memory_entry *entry = find(memory, stripe, hash, key);
	bool known = entry && entry->facts[fact].len > 0;
	(void)pthread_mutex_unlock(&stripe->lock);
	return known;
}

/* ---- spans ---------------------------------------------------------------------------------- */

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
		if (!charge(memory, stripe, more))
			return NULL;
		if (!trace_spans_grow(&entry->spans, memory->hash)) {
			discharge(memory, stripe, more);
			counter_add(&memory->refused, 1);
			return NULL;
		}
	}
	return trace_spans_add(&entry->spans, memory->hash, id);
}

int32_t trace_memory_tally(struct trace_memory *memory, struct trace_key key, struct slice id,
			   int32_t step)
{
	uint64_t hash = hash_of(memory, key);
	struct stripe *stripe = lock_stripe(memory, hash);
	struct memory_entry *entry = find_or_add(memory, stripe, hash, key);
	struct span_slot *slot = entry ? slot_for(memory, stripe, entry, id) : NULL;
	if (slot && !slot->tallied) {
		slot->tallied = true;
		slot->tally_before = entry->tally;
		entry->tally += step; /* at most TRACE_MEMORY_SPANS_MAX steps */
	}
	int32_t before = slot ? slot->tally_before : 0;
	if (entry)
		keep_bounds(memory, stripe, entry->used_ns);
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
		entry->noted[note->name >> 6 & (TRACE_NOTED_WORDS - 1)] |= UINT64_C(1)
									   << (note->name & 63);
	} else if (slot->state == SPAN_NOTED) {
		memcpy(&note->value, slot->parent, sizeof(note->value));
	}
}

void trace_memory_notes(struct trace_memory *memory, struct trace_key key, struct trace_note *notes,
			size_t count)
{
	uint64_t hash = hash_of(memory, key);
	struct stripe *stripe = lock_stripe(memory, hash);
	bool any = false;
	for (size_t i = 0; i < count; i++)
		any |= notes[i].value != 0;
	struct memory_entry *entry =
		any ? find_or_add(memory, stripe, hash, key) : find(memory, stripe, hash, key);
	for (size_t i = 0; entry && i < count; i++)
		exchange_note(memory, stripe, entry, &notes[i]);
	if (entry)
		keep_bounds(memory, stripe, entry->used_ns);
	(void)pthread_mutex_unlock(&stripe->lock);
}

size_t trace_memory_drop(struct trace_memory *memory, struct trace_key key,
			 const struct dropped_span *spans, size_t count, uint32_t *ret_orphans)
{
	uint64_t hash = hash_of(memory, key);
	struct stripe *stripe = lock_stripe(memory, hash);
	struct memory_entry *entry = find_or_add(memory, stripe, hash, key);
	size_t remembered = 0;
	*ret_orphans = 0;
	for (size_t i = 0; entry && i < count; i++) {
		struct span_slot *slot = slot_for(memory, stripe, entry, spans[i].id);
		if (!slot)
			break;
		*ret_orphans += slot->state == SPAN_ASKED_FOR;
		slot->state = spans[i].parent.len > 0 ? SPAN_DROPPED : SPAN_DROPPED_ROOT;
		if (spans[i].parent.len > 0)
			memcpy(slot->parent, spans[i].parent.ptr, SPAN_ID_BYTES);
		remembered++;
	}
	if (entry)
		keep_bounds(memory, stripe, entry->used_ns);
	(void)pthread_mutex_unlock(&stripe->lock);
	return remembered;
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
		if (!slot || slot->state == SPAN_ASKED_FOR)
			return ANCESTRY_MOVED;
	}
	return ANCESTRY_ROOT;
}

enum ancestry trace_memory_ancestor(struct trace_memory *memory, struct trace_key key,
				    struct slice id, uint8_t ret_id[SPAN_ID_BYTES])
{
	enum ancestry ancestry = ANCESTRY_KEPT;
	uint64_t hash = hash_of(memory, key);
	struct stripe *stripe = lock_stripe(memory, hash);
	struct memory_entry *entry = find_or_add(memory, stripe, hash, key);
	struct span_slot *slot = entry ? slot_for(memory, stripe, entry, id) : NULL;
	if (slot && slot->state == SPAN_NEW)
		slot->state = SPAN_ASKED_FOR;
	if (slot && slot->state != SPAN_ASKED_FOR)
		ancestry = climb(memory, entry, slot, ret_id);
	if (entry)
		keep_bounds(memory, stripe, entry->used_ns);
	(void)pthread_mutex_unlock(&stripe->lock);
	return ancestry;
}
