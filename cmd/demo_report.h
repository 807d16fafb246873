/* SPDX-License-Identifier: Apache-2.0 */
/* What the processors of a running pipeline removed and why, for people. For `demo` and `dev`. */
#ifndef SLUICE_CMD_DEMO_REPORT_H
#define SLUICE_CMD_DEMO_REPORT_H

#include "exporters/debug/terminal.h"
#include "pipeline/base/metrics.h"

/* Appends how many spans were received and how many were kept. */
void demo_report_counts(const struct metrics *metrics, struct buf *out);

/* Appends a section for each processor that removed something: rules, counts, reasons; never a
 * value. Nothing when there is none. */
void demo_report_print(const struct metrics *metrics, const struct terminal *terminal,
		       struct buf *out);

#endif
