/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which span of a request is the parent of which: parents by array position instead of by id, in
 * whatever order the spans came. Made when a rule needs it, from the edit's view of parent ids;
 * dropped spans are in it, too, so that a walk upwards can pass them. Where no edit has set a parent,
 * all runs over a request have the same parents: the view keeps them, and they are looked for once.
 *
 * Belongs to one shard, reused from request to request; charged to the budget.
 */
#ifndef SLUICE_TRACE_OTLP_SPAN_MAP_H
#define SLUICE_TRACE_OTLP_SPAN_MAP_H

#include "pipeline/base/hash.h"
#include "pipeline/trace/otlp/view.h"

#define SPAN_MAP_NONE UINT32_MAX	  /* no parent: a root */
#define SPAN_MAP_FOREIGN (UINT32_MAX - 1) /* the parent is not in this request */

enum { SPAN_MAP_KEEP_BYTES = 1 << 20 }; /* kept between requests, the rest is freed */

struct span_map {
	uint32_t *parents; /* per span of the index: its parent's position, or one of the above */
	uint32_t count;

	/* private */
	uint32_t *slots; /* position + 1; 0 is free */
	size_t bytes_held;
	struct hash_key hash;
	struct budget *budget;
};

void span_map_init(struct span_map *map, struct budget *budget);
void span_map_fini(struct span_map *map);

/* Fills the map for the request under ${view}. A span that names itself, and one without ids, count
 * as roots; of two spans with one id, the first is the parent. Circles of parents are possible:
 * whoever walks upwards bounds the walk by count. -1 with ERR_NOMEM. */
MUST_CHECK int span_map_build(struct span_map *map, struct trace_view *view, struct err *err);

/* The highest span in an unbroken row of dropped ones from ${span}, which is dropped, upwards: its
 * parent is live, foreign or none. Those passed point to it afterwards, so that a long row is
 * climbed once; a circle ends as a root. */
uint32_t span_map_top_of_dropped(struct span_map *map, const struct trace_view *view,
				 uint32_t span);

static inline bool span_map_has_parent(const struct span_map *map, uint32_t span)
{
	return map->parents[span] < SPAN_MAP_FOREIGN;
}

#endif
