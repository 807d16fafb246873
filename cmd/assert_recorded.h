/* SPDX-License-Identifier: Apache-2.0 */
/* Spans that were recorded, for `sluice assert --from`: read, kept and judged without a collector. */
#ifndef SLUICE_CMD_ASSERT_RECORDED_H
#define SLUICE_CMD_ASSERT_RECORDED_H

#include "cmd/options.h"
#include "pipeline/expect/session.h"

struct assert_recorded {
	struct expect_session *session;
	/* private */
	struct arena arena;
	struct budget budget;
	struct key_table *keys;
	const struct expectations *expectations;
};

/*
 * Loads the expectation files ${expect} and adds the spans of ${files}: OTLP/JSON, one request a
 * line, or OTLP/protobuf, one request or any number of them each after its length as 4 bytes, big-endian
 * and each perhaps in zstd (what the file exporter writes). False after a message; assert_recorded_fini in either case.
 */
MUST_CHECK bool assert_recorded_init(struct assert_recorded *recorded,
				     const struct option_list *expect,
				     const struct option_list *files, const struct judge_env *env);
void assert_recorded_fini(struct assert_recorded *recorded);

#endif
