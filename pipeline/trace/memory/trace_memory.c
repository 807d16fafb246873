/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table: stripes with a lock each, a chained hash table per stripe, and a list in order of use
 * from whose old end traces are forgotten. An entry holds the facts of one trace for one client and,
 * behind them, a small open-addressed set of span ids (trace_spans.c).
 *
 * Every byte is charged to the process's budget. When the budget refuses, the trace is not
 * remembered: the caller is told and spans pass as if the trace were new.
 */
#include "pipeline/trace/memory/trace_memory.h"

#include "pipeline/base/assert.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/hash.h"
#include "pipeline/trace/memory/trace_memory_internal.h"

#include <stdlib.h>

enum { SWEEP_PER_ACCESS = 4 }; /* old traces forgotten beside an access, at most */

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

/* Lock held, or nobody else is there. What is wrong, NULL for nothing: entries in the order of use, and
 * what is counted is what they hold. */
UNUSED static const char *fault(const struct stripe *stripe)
{
	uint64_t count = 0, bytes = 0;
	const struct memory_entry *newer = NULL;
	for (const struct memory_entry *entry = stripe->newest; entry; entry = entry->older) {
		if (entry->newer != newer || (newer && newer->used_ns < entry->used_ns))
			return "entries are not in the order of use";
		count++;
		bytes += entry_bytes(entry);
		newer = entry;
	}
	if (stripe->oldest != newer || count != stripe->count)
		return "entries are not counted right";
	return bytes == stripe->bytes ? NULL : "bytes are not counted right";
}

/* Takes or gives back what an entry has grown or shrunk by. */
bool memory_charge(struct trace_memory *memory, struct stripe *stripe, size_t bytes)
{
	if (!budget_take(memory->budget, bytes)) {
		counter_add(&memory->refused, 1);
		return false;
	}
	stripe->bytes += bytes;
	atomic_fetch_add_explicit(&memory->bytes, bytes, memory_order_relaxed);
	return true;
}

void memory_discharge(struct trace_memory *memory, struct stripe *stripe, size_t bytes)
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
		ASSERT(!fault(stripe));
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
	return ++memory->client_count;
}

/* ---- metrics -------------------------------------------------------------------------------- */

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

#define EVICTED(why, reason)                                                                       \
	{                                                                                          \
		&metric_evicted, offsetof(struct trace_memory, evicted[why]),                      \
		{                                                                                  \
			"reason", reason                                                           \
		}                                                                                  \
	}
static const struct metric_row metric_rows[] = {
	{&metric_refused, offsetof(struct trace_memory, refused), {NULL}},
	EVICTED(EVICTED_TRACES, "traces"),
	EVICTED(EVICTED_BYTES, "bytes"),
	EVICTED(EVICTED_AGE, "age"),
};
_Static_assert(ARRAY_COUNT(metric_rows) == 1 + EVICTED_COUNT, "a counter has no row");
static const struct metric_table metric_table = METRIC_TABLE(NULL, metric_rows);

static double read_atomic(void *arg)
{
	return (double)atomic_load((_Atomic uint64_t *)arg);
}

bool trace_memory_register(struct trace_memory *memory, struct metrics *metrics)
{
	return metrics_add_read(metrics, &metric_traces, "", read_atomic, &memory->traces) &&
	       metrics_add_read(metrics, &metric_bytes, "", read_atomic, &memory->bytes) &&
	       metrics_add_table(metrics, &metric_table, "", "", memory);
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
	memory_discharge(memory, stripe, entry_bytes(entry));
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
void memory_keep_bounds(struct trace_memory *memory, struct stripe *stripe, uint64_t now_ns)
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
		ASSERT(!fault(stripe));
		(void)pthread_mutex_unlock(&stripe->lock);
	}
}

/* ---- finding -------------------------------------------------------------------------------- */

uint64_t memory_hash(const struct trace_memory *memory, struct trace_key key)
{
	struct hash_key hash = memory->hash;
	hash.a ^= (uint64_t)key.client << 1; /* stays odd */
	return hash_bytes(hash, key.trace_id.ptr, TRACE_ID_BYTES);
}

/* The stripe of ${hash}, locked. The bucket is taken from other bits. */
struct stripe *memory_lock(struct trace_memory *memory, uint64_t hash)
{
	struct stripe *stripe = &memory->stripes[hash >> 58 & (STRIPES - 1)];
	(void)pthread_mutex_lock(&stripe->lock);
	return stripe;
}

struct memory_entry *memory_find(struct trace_memory *memory, struct stripe *stripe, uint64_t hash,
				 struct trace_key key)
{
	uint64_t now_ns = memory->clock();
	for (int i = 0; i < SWEEP_PER_ACCESS && is_over_age(memory, stripe, now_ns); i++)
		forget_oldest(memory, stripe, EVICTED_AGE);
	struct memory_entry *entry = stripe->buckets[hash & (BUCKETS - 1)];
	while (entry && (entry->hash != hash || entry->client != key.client ||
			 memcmp(entry->trace_id, key.trace_id.ptr, TRACE_ID_BYTES) != 0))
		entry = entry->next;
	if (!entry)
		return NULL;
	entry->used_ns = now_ns;
	unlink_entry(stripe, entry);
	link_newest(stripe, entry);
	return entry;
}

struct memory_entry *memory_find_or_add(struct trace_memory *memory, struct stripe *stripe,
					uint64_t hash, struct trace_key key)
{
	struct memory_entry *entry = memory_find(memory, stripe, hash, key);
	if (entry)
		return entry;
	if (!memory_charge(memory, stripe, sizeof(*entry)))
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry) {
		memory_discharge(memory, stripe, sizeof(*entry));
		counter_add(&memory->refused, 1);
		return NULL;
	}
	entry->hash = hash;
	entry->client = key.client;
	memcpy(entry->trace_id, key.trace_id.ptr, TRACE_ID_BYTES);
	entry->used_ns = memory->clock();
	entry->next = stripe->buckets[hash & (BUCKETS - 1)];
	stripe->buckets[hash & (BUCKETS - 1)] = entry;
	link_newest(stripe, entry);
	stripe->count++;
	atomic_fetch_add_explicit(&memory->traces, 1, memory_order_relaxed);
	memory_keep_bounds(memory, stripe, entry->used_ns);
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
	if (!memory_charge(memory, stripe, text.len))
		return false;
	uint8_t *copy = malloc(text.len);
	if (!copy) {
		memory_discharge(memory, stripe, text.len);
		counter_add(&memory->refused, 1);
		return false;
	}
	memcpy(copy, text.ptr, text.len);
	memory_discharge(memory, stripe, have->len);
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
	uint64_t hash = memory_hash(memory, key);
	struct stripe *stripe = memory_lock(memory, hash);
	struct memory_entry *entry = any_fact(facts) ? memory_find_or_add(memory, stripe, hash, key)
						     : memory_find(memory, stripe, hash, key);
	bool done = entry != NULL || !any_fact(facts);
	for (int fact = 0; entry && fact < TRACE_FACT_COUNT; fact++)
		done &= exchange(memory, stripe, &entry->facts[fact], facts, (enum trace_fact)fact,
				 arena);
	if (entry)
		memcpy(facts->noted, entry->noted, sizeof(facts->noted));
	if (entry)
		memory_keep_bounds(memory, stripe, entry->used_ns);
	(void)pthread_mutex_unlock(&stripe->lock);
	return done;
}

struct trace_progress trace_memory_progress(struct trace_memory *memory, struct trace_key key)
{
	struct trace_progress progress = {0};
	uint64_t hash = memory_hash(memory, key);
	struct stripe *stripe = memory_lock(memory, hash);
	const struct memory_entry *entry = memory_find(memory, stripe, hash, key);
	for (int fact = 0; entry && fact < TRACE_FACT_COUNT; fact++)
		progress.facts |= (uint32_t)(entry->facts[fact].len > 0) << fact;
	if (entry)
		progress.notes = entry->note_count, progress.settled = entry->settled_count;
	(void)pthread_mutex_unlock(&stripe->lock);
	return progress;
}
