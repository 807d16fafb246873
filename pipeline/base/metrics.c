/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics in order of registration, each with its series. Registration is done by one thread before
 * anybody reads, and nothing is removed, so the page is printed without a lock.
 */
#include "pipeline/base/metrics.h"

#include "pipeline/base/assert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Below it whole numbers are printed without an exponent: 2^53, where doubles lose the units. */
static const double WHOLE_MAX = 9007199254740992.0;

const struct histogram_bounds histogram_items = {
	{10,   25,   50,   75,	 100,  250,  500,   750,   1000,  2000,	 3000,
	 4000, 5000, 6000, 7000, 8000, 9000, 10000, 20000, 30000, 50000, 100000},
	22};
const struct histogram_bounds histogram_bytes = {
	{1 << 7, 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16,
	 1 << 17, 1 << 18, 1 << 19, 1 << 20, 1 << 21, 1 << 22, 1 << 23, 1 << 24},
	18};

void histogram_add(struct histogram *histogram, uint64_t value)
{
	const struct histogram_bounds *bounds = histogram->bounds;
	size_t at = 0;
	while (at < bounds->count && value > bounds->at[at])
		at++;
	counter_add(&histogram->buckets[at], 1);
	counter_add(&histogram->sum, value);
}

struct series {
	struct series *next;	       /* of the same metric, in order of registration */
	struct series *also;	       /* the same series from elsewhere: the value is the sum */
	char *labels;		       /* NULL in what hangs on `also` */
	const struct counter *counter; /* or */
	const struct histogram *histogram; /* or */
	metric_read *read;
	void *arg;
};

struct metric {
	struct metric *next;
	const struct metric_desc *desc;
	struct series *first, **last;
};

struct metrics {
	struct metric *first, **last;
};

struct metrics *metrics_new(void)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));
	if (metrics)
		metrics->last = &metrics->first;
	return metrics;
}

static void free_series(struct series *series)
{
	for (struct series *also; series; series = also) {
		also = series->also;
		free(series->labels);
		free(series);
	}
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	for (struct metric *metric = metrics->first, *next; metric; metric = next) {
		next = metric->next;
		for (struct series *series = metric->first, *after; series; series = after) {
			after = series->next;
			free_series(series);
		}
		free(metric);
	}
	free(metrics);
}

static struct metric *find_or_add(struct metrics *metrics, const struct metric_desc *desc)
{
	for (struct metric *metric = metrics->first; metric; metric = metric->next) {
		if (strcmp(metric->desc->name, desc->name) == 0)
			return metric;
	}
	struct metric *metric = calloc(1, sizeof(*metric));
	if (!metric)
		return NULL;
	metric->desc = desc;
	metric->last = &metric->first;
	*metrics->last = metric;
	metrics->last = &metric->next;
	return metric;
}

static struct series *find_series(const struct metric *metric, const char *labels)
{
	struct series *series = metric->first;
	while (series && strcmp(series->labels, labels) != 0)
		series = series->next;
	return series;
}

/* Whether ${series}, or one of those that it is the sum of, shows what ${other} shows. */
static bool shows(const struct series *series, const struct series *other)
{
	while (series &&
	       (series->counter != other->counter || series->histogram != other->histogram ||
		series->read != other->read || series->arg != other->arg))
		series = series->also;
	return series != NULL;
}

static bool add_series(struct metrics *metrics, const struct metric_desc *desc, const char *labels,
		       struct series init)
{
	struct metric *metric = find_or_add(metrics, desc);
	struct series *series = metric ? malloc(sizeof(*series)) : NULL;
	if (!series)
		return false;
	*series = init;
	struct series *same = find_series(metric, labels);
	ASSERT(!shows(same, series)); /* the page would show it twice as high */
	if (same) {
		series->also = same->also;
		same->also = series;
		return true;
	}
	series->labels = strdup(labels);
	if (!series->labels) {
		free(series);
		return false;
	}
	*metric->last = series;
	metric->last = &series->next;
	return true;
}

bool metrics_add(struct metrics *metrics, const struct metric_desc *desc, const char *labels,
		 const struct counter *counter)
{
	return add_series(metrics, desc, labels, (struct series){.counter = counter});
}

bool metrics_add_read(struct metrics *metrics, const struct metric_desc *desc, const char *labels,
		      metric_read *read, void *arg)
{
	return add_series(metrics, desc, labels, (struct series){.read = read, .arg = arg});
}

bool metrics_add_histogram(struct metrics *metrics, const struct metric_desc *desc,
			   const char *labels, const struct histogram *histogram)
{
	return add_series(metrics, desc, labels, (struct series){.histogram = histogram});
}

static bool add_row(struct metrics *metrics, const struct metric_row *row, const char *labels,
		    const void *instance)
{
	const void *at = (const char *)instance + row->offset;
	return row->desc->type == METRIC_HISTOGRAM
		       ? metrics_add_histogram(metrics, row->desc, labels, at)
		       : metrics_add(metrics, row->desc, labels, at);
}

bool metrics_add_table(struct metrics *metrics, const struct metric_table *table, const char *id,
		       const char *labels, const void *instance)
{
	struct buf text = BUF_INIT;
	bool added = true;
	for (size_t i = 0; i < table->count && added; i++) {
		const char *const *more = table->rows[i].labels;
		buf_reset(&text);
		if (table->id_label)
			metrics_label(&text, table->id_label, id);
		buf_printf(&text, "%s%s", text.len > 0 && *labels ? "," : "", labels);
		for (size_t pair = 0; pair < METRIC_LABELS_MAX && more[2 * pair]; pair++)
			metrics_label(&text, more[2 * pair], more[2 * pair + 1]);
		added = add_row(metrics, &table->rows[i], buf_cstr(&text), instance) &&
			!text.failed;
	}
	buf_fini(&text);
	return added;
}

void metrics_label(struct buf *labels, const char *name, const char *value)
{
	buf_printf(labels, "%s%s=\"", labels->len > 0 ? "," : "", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			buf_append_byte(labels, '\\');
		if (*value == '\n')
			buf_append_str(labels, "\\n");
		else
			buf_append_byte(labels, (uint8_t)*value);
	}
	buf_append_byte(labels, '"');
}

/* Prometheus names of the UCUM units that our tables use. */
static const char *unit_suffix(const char *unit)
{
	if (strcmp(unit, "s") == 0)
		return "_seconds";
	if (strcmp(unit, "By") == 0)
		return "_bytes";
	return "";
}

static bool ends_with(const char *name, const char *suffix)
{
	return slice_has_suffix(slice_str(name), slice_str(suffix));
}

static void full_name(const struct metric_desc *desc, struct metrics_page page, struct buf *name)
{
	buf_append_str(name, desc->name);
	if (page.unit_suffix && !ends_with(desc->name, unit_suffix(desc->unit)))
		buf_append_str(name, unit_suffix(desc->unit));
	if (page.type_suffix && desc->type == METRIC_COUNTER)
		buf_append_str(name, "_total");
}

static double series_value(const struct series *series)
{
	double sum = 0;
	for (; series; series = series->also) {
		if (series->read)
			sum += series->read(series->arg);
		else
			sum += (double)counter_get(series->counter ? series->counter
								   : &series->histogram->sum);
	}
	return sum;
}

static void print_value(struct buf *out, double value)
{
	buf_append_byte(out, ' ');
	if (isnan(value))
		buf_append_str(out, "NaN");
	else if (isinf(value))
		buf_append_str(out, value > 0 ? "+Inf" : "-Inf");
	else if (value == floor(value) && fabs(value) < WHOLE_MAX)
		buf_printf(out, "%.0f", value);
	else
		buf_append_double(out, value);
	buf_append_byte(out, '\n');
}

static void print_sample(const char *name, const char *suffix, const struct series *series,
			 double value, struct buf *out)
{
	buf_printf(out, "%s%s", name, suffix);
	if (series->labels[0])
		buf_printf(out, "{%s}", series->labels);
	print_value(out, value);
}

static uint64_t bucket_value(const struct series *series, size_t bucket)
{
	uint64_t sum = 0;
	for (; series; series = series->also)
		sum += counter_get(&series->histogram->buckets[bucket]);
	return sum;
}

/* As the Collector's library writes a bound, which is a label and therefore compared as text: a
 * million and more with an exponent. */
static void print_bound(uint32_t bound, struct buf *out)
{
	char digits[12];
	int last = snprintf(digits, sizeof(digits), "%u", (unsigned)bound) - 1;
	int exponent = last;
	if (bound < 1000000) {
		buf_append_str(out, digits);
		return;
	}
	while (last > 0 && digits[last] == '0')
		last--;
	digits[last + 1] = 0;
	buf_printf(out, "%c%s%se+%02d", digits[0], last > 0 ? "." : "", digits + 1, exponent);
}

/* Buckets are cumulative on the page; the last one is the count. */
static void print_histogram(const char *name, const struct series *series, struct buf *out)
{
	const struct histogram_bounds *bounds = series->histogram->bounds;
	uint64_t count = 0;
	for (size_t i = 0; i <= bounds->count; i++) {
		count += bucket_value(series, i);
		buf_printf(out, "%s_bucket{%s%sle=\"", name, series->labels,
			   series->labels[0] ? "," : "");
		if (i < bounds->count)
			print_bound(bounds->at[i], out);
		else
			buf_append_str(out, "+Inf");
		buf_printf(out, "\"} %llu\n", (unsigned long long)count);
	}
	print_sample(name, "_sum", series, series_value(series), out);
	print_sample(name, "_count", series, (double)count, out);
}

void metrics_print(const struct metrics *metrics, struct metrics_page page, struct buf *out)
{
	static const char *const types[METRIC_TYPE_COUNT] = {"counter", "gauge", "histogram"};
	for (const struct metric *metric = metrics->first; metric; metric = metric->next) {
		struct buf name = BUF_INIT;
		full_name(metric->desc, page, &name);
		const char *text = buf_cstr(&name);
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", text, metric->desc->help, text,
			   types[metric->desc->type]);
		for (const struct series *series = metric->first; series; series = series->next) {
			if (series->histogram)
				print_histogram(text, series, out);
			else
				print_sample(text, "", series, series_value(series), out);
		}
		buf_fini(&name);
	}
}

bool metrics_value(const struct metrics *metrics, const char *name, const char *labels,
		   double *ret_value)
{
	for (const struct metric *metric = metrics->first; metric; metric = metric->next) {
		if (strcmp(metric->desc->name, name) != 0)
			continue;
		const struct series *series = find_series(metric, labels);
		if (series)
			*ret_value = series_value(series);
		return series != NULL;
	}
	return false;
}

void metrics_visit(const struct metrics *metrics, const char *name,
		   void (*visit)(void *arg, const char *labels, double value), void *arg)
{
	for (const struct metric *metric = metrics->first; metric; metric = metric->next) {
		if (strcmp(metric->desc->name, name) != 0)
			continue;
		for (const struct series *series = metric->first; series; series = series->next)
			visit(arg, series->labels, series_value(series));
	}
}
