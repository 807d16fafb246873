/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beside the truth of a condition: the parts that keep it from being true, with the values that they
 * looked at, and values by themselves. For those who have to say why (assertions); slower than
 * ottl_eval, off the path of requests.
 */
#ifndef SLUICE_OTTL_EXPLAIN_H
#define SLUICE_OTTL_EXPLAIN_H

#include "pipeline/ottl/ottl.h"

enum { OTTL_PART_VALUES_MAX = 4 };

/* A comparison, or a test such as IsMatch, of a condition's text. */
struct ottl_part {
	uint32_t offset, len; /* in the text */
	bool not_wanted;      /* it is true and stands under a `not` */
	bool error;	      /* it could not be evaluated */
	struct slice literal; /* the string that it compares with; empty: none */
	uint32_t value_count;
	struct {
		uint32_t offset, len; /* of its expression */
		struct slice key;     /* of attributes["key"], with nothing behind it; else empty */
		struct value value;   /* VALUE_EMPTY: nil, or a map of attributes */
	} values[OTTL_PART_VALUES_MAX];
};

typedef void ottl_visit(void *arg, const struct ottl_part *part);

/* Calls ${visit} (may be NULL) for each part that keeps ${condition} from being true of element
 * ${at}. Returns how many there are; 0: it is true. Values are valid during the call. */
uint32_t ottl_explain(const struct ottl_condition *condition, const struct trace_view *view,
		      uint32_t at, struct ottl_scratch *scratch, ottl_visit *visit, void *arg);

/* An expression that yields a value; immutable, as a condition. */
struct ottl_value {
	const struct ottl_condition *expression; /* private */
};

/* As ottl_parse and ottl_condition_free. */
MUST_CHECK const struct ottl_value *ottl_value_parse(struct slice text, enum ottl_context context,
						     struct key_table *keys, struct arena *arena,
						     struct err *err);
void ottl_value_free(const struct ottl_value *value);

/* The key when the expression is attributes["key"] at any level, with nothing behind it; else empty. */
struct slice ottl_value_key(const struct ottl_value *value);

/* The value of element ${at}: times and durations as nanoseconds, ids as bytes, nil and a whole map of
 * attributes as VALUE_EMPTY. Valid until ${scratch} is used again. -1 as OTTL_ERROR of ottl_eval. */
MUST_CHECK int ottl_value_eval(const struct ottl_value *value, const struct trace_view *view,
			       uint32_t at, struct ottl_scratch *scratch, struct value *ret_value,
			       struct err *err);

#endif
