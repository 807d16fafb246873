/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of spans: which names there are, of which kinds, below which parents, with which attributes
 * of which types. As a list in a fixed order, so that two can be compared, and as a file.
 *
 *   spans:
 *     - name: 'decode'
 *       kind: ['internal']
 *       parent: ['prefill']
 *       attributes:
 *         'llm_d.pd_proxy.true_ttft_ms': 'double'
 */
#ifndef SLUICE_CMD_ASSERT_CONTRACT_H
#define SLUICE_CMD_ASSERT_CONTRACT_H

#include "cmd/assert_survey.h"
#include "pipeline/config/load.h"

enum contract_type { CONTRACT_SPAN = 0, CONTRACT_KIND, CONTRACT_PARENT, CONTRACT_ATTRIBUTE };

struct contract_entry {
	struct slice span;
	enum contract_type type;
	struct slice key;   /* of an attribute */
	struct slice value; /* kinds, parents or types: words in order, parted by ", " */
	struct config_loc loc;
};

/* Entries in order of span, type, key. */
struct contract {
	struct contract_entry *at;
	size_t count, capacity;
	struct arena *arena;
	bool failed; /* no memory */
};

/* As contract_append needs it; texts are the arena's. */
void contract_init(struct contract *contract, struct arena *arena);
void contract_fini(struct contract *contract);

/* Of spans that came. The survey is without groups. False: no memory. */
MUST_CHECK bool contract_of_survey(struct contract *contract, const struct survey *survey);

/* Of the file at ${path}. False after problems in ${report}, whose arena is the contract's. */
MUST_CHECK bool contract_read(struct contract *contract, const char *path,
			      struct config_report *report);

/* Negative, 0, positive: the order of what the entries are about. */
int contract_compare(const struct contract_entry *a, const struct contract_entry *b);

/* Appends the file of a survey without groups. */
void contract_write(const struct survey *survey, struct buf *out);

#endif
