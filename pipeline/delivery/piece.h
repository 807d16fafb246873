/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a batch that are sent on their own, in a list; at first the batch is the only one.
 * A part is cut in smaller ones. One thread at a time.
 */
#ifndef SLUICE_DELIVERY_PIECE_H
#define SLUICE_DELIVERY_PIECE_H

#include "pipeline/base/buf.h"
#include "pipeline/delivery/batch.h"
#include "pipeline/trace/keys/key_table.h"

/* The result of one halving, shared by the two halves. */
struct halving {
	uint32_t refs;	 /* halves that still exist */
	uint32_t failed; /* halves that were refused alike */
};

struct piece {
	struct piece *next;
	struct batch *batch;
	struct halving *halving; /* NULL unless cut by CUT_HALF_OF_SPANS */
};

struct piece_list {
	struct piece *first, **last;
};

enum cut_way {
	CUT_HALF_OF_SPANS, /* towards a bad span; the halves go to the end of the list, so that both
			    * are tried before either is cut again, and share a struct halving */
	CUT_HALF_OF_BYTES, /* towards a size; in the place of what is cut, so that a span that is
			    * too large alone is found soon */
	CUT_TO_SIZE,	   /* parts of at most so many bytes; a larger span is alone */
};

struct cutting {
	enum cut_way way;
	size_t bytes_max; /* CUT_TO_SIZE */
	struct budget *budget;
	const struct key_table *keys;
};

void piece_list_init(struct piece_list *list);

/* Appends ${batch} as one piece; takes over the reference, also on failure. False: no memory. */
MUST_CHECK bool piece_list_append(struct piece_list *list, struct batch *batch);

/* The spans of all pieces. */
uint64_t piece_list_spans(const struct piece_list *list);

/* Frees the first piece. */
void piece_list_remove_first(struct piece_list *list);

/* Replaces the first piece, of at least two spans, by at least two parts. -1 with ${err}, the list
 * unchanged: ERR_NOMEM, or what trace_index_rebuild says. */
MUST_CHECK int piece_list_cut_first(struct piece_list *list, const struct cutting *cutting,
				    struct err *err);

/* Writes the trace id of the first piece's first span in hexadecimal; nothing when memory is short
 * or there is none. */
void piece_list_write_trace_id(const struct piece_list *list, const struct cutting *cutting,
			       struct buf *out);

#endif
