/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's own counters and gauges, and the page that shows them.
 *
 * A counter is one atomic word, added to at most a few times per request (never per span), so
 * shards share it. A metric is described once in a static struct metric_desc table next to the code
 * that moves it; metrics_add registers one series of it (a set of label values). The page printed
 * is Prometheus text exposition format 0.0.4. Label values come from the configuration and from
 * fixed sets, never from a peer. Registration happens while the graph is built (one thread);
 * reading happens any time after.
 */
#ifndef SLUICE_BASE_METRICS_H
#define SLUICE_BASE_METRICS_H

#include "pipeline/base/buf.h"

#include <stdatomic.h>

struct counter {
	_Atomic uint64_t value;
};

static inline void counter_add(struct counter *counter, uint64_t n)
{
	atomic_fetch_add_explicit(&counter->value, n, memory_order_relaxed);
}

static inline void counter_sub(struct counter *counter, uint64_t n)
{
	atomic_fetch_sub_explicit(&counter->value, n, memory_order_relaxed);
}

static inline uint64_t counter_get(const struct counter *counter)
{
	return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

enum metric_type { METRIC_COUNTER = 0, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_TYPE_COUNT };

enum { HISTOGRAM_BOUNDS_MAX = 24 };

/* Upper bounds of a histogram's buckets, in ascending order; what is above the last one has a bucket
 * of its own. */
struct histogram_bounds {
	uint32_t at[HISTOGRAM_BOUNDS_MAX];
	size_t count;
};

/* The Collector's buckets for numbers of items and for sizes in bytes. */
extern const struct histogram_bounds histogram_items, histogram_bytes;

/* How often which values came. Set `bounds` before the first value; the rest begins as 0. */
struct histogram {
	const struct histogram_bounds *bounds;
	struct counter buckets[HISTOGRAM_BOUNDS_MAX + 1]; /* not cumulative */
	struct counter sum;
};

void histogram_add(struct histogram *histogram, uint64_t value);

struct metric_desc {
	const char *name; /* full, with the otelcol_ or sluice_ prefix, without _total */
	const char *unit; /* UCUM, "{span}", "By", "s"; "" for none */
	const char *help; /* one sentence, without a closing stop */
	enum metric_type type;
};

enum { METRIC_LABELS_MAX = 2 };

/* One series of a table: which metric, where in the instance it is counted, and what tells it from the
 * metric's other series. */
struct metric_row {
	const struct metric_desc *desc;
	size_t offset; /* of the struct counter, or struct histogram, in the instance */
	const char *labels[2 * METRIC_LABELS_MAX]; /* name, value, name, value; NULL for none */
};

/* What an instance of a component, or of a part of one, counts. */
struct metric_table {
	const struct metric_row *rows;
	size_t count;
	const char *id_label; /* of each series, with the instance's id; NULL: the sum of all */
};

#define METRIC_TABLE(id_label_, rows_)                                                             \
	{                                                                                          \
		.rows = (rows_), .count = ARRAY_COUNT(rows_), .id_label = (id_label_)              \
	}

struct metrics; /* the registry */

/* Reads a gauge when the page is made; any thread. */
typedef double metric_read(void *arg);

MUST_CHECK struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* Registers a series that shows ${counter}. ${labels} is a ready list such as
 * `receiver="otlp",transport="grpc"` (see metrics_label), copied; "" for none. A series that is
 * registered again shows the sum, so nobody registers the same ${counter} in it twice: that is
 * asserted. ${desc} and ${counter} outlive the registry. False when memory is short. */
bool metrics_add(struct metrics *metrics, const struct metric_desc *desc, const char *labels,
		 const struct counter *counter);

/* As metrics_add for a value computed at reading time. */
bool metrics_add_read(struct metrics *metrics, const struct metric_desc *desc, const char *labels,
		      metric_read *read, void *arg);

/* As metrics_add for a histogram, whose bounds are set. */
bool metrics_add_histogram(struct metrics *metrics, const struct metric_desc *desc,
			   const char *labels, const struct histogram *histogram);

/* Registers the series of ${table} for ${instance}, which outlives the registry. ${id} and the list
 * ${labels} ("" for none) are copied. False when memory is short. */
bool metrics_add_table(struct metrics *metrics, const struct metric_table *table, const char *id,
		       const char *labels, const void *instance);

/* Appends `name="value"` to ${labels}, with a comma before it when needed, value escaped. */
void metrics_label(struct buf *labels, const char *name, const char *value);

struct metrics_page {
	bool type_suffix; /* counters end in _total (without_type_suffix: false) */
	bool unit_suffix; /* names end in their unit, e.g. _seconds (without_units: false) */
};

/* Prints all series, grouped by metric in order of first registration. Any thread. */
void metrics_print(const struct metrics *metrics, struct metrics_page page, struct buf *out);

/* The value now of the series with this name and label list, a histogram's sum; false when there is
 * none. For tests. */
bool metrics_value(const struct metrics *metrics, const char *name, const char *labels,
		   double *ret_value);

/* Calls ${visit} for each series of the metric ${name}, in order of registration. Any thread. */
void metrics_visit(const struct metrics *metrics, const char *name,
		   void (*visit)(void *arg, const char *labels, double value), void *arg);

#endif
