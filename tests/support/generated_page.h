/* SPDX-License-Identifier: Apache-2.0 */
/* Pages whose tables are printed from the program's own: between "<!-- name -->" and "<!-- end -->"
 * stands what a function appends. */
#ifndef SLUICE_TESTS_GENERATED_PAGE_H
#define SLUICE_TESTS_GENERATED_PAGE_H

#include "pipeline/base/buf.h"

struct page_part {
	const char *mark; /* "<!-- name -->\n" */
	void (*append)(struct buf *out);
};

/* Fails the test unless the page at ${path} has the parts, in their order, as they are printed. With
 * SLUICE_UPDATE=1 in the environment it writes the page anew instead. */
void generated_page_check(const char *path, const struct page_part *parts, size_t count);

/* ${text} as the inside of a table's cell. */
void generated_page_cell(struct buf *out, const char *text);

#endif
