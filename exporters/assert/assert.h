/* SPDX-License-Identifier: Apache-2.0 */
/* What `sluice assert` asks of the exporter that keeps its spans. */
#ifndef SLUICE_EXPORTERS_ASSERT_ASSERT_H
#define SLUICE_EXPORTERS_ASSERT_ASSERT_H

#include "pipeline/expect/session.h"

/* The session of exporter instance ${self}; NULL before its start. Lives as long as the instance. */
struct expect_session *assert_exporter_session(void *self);

/* What the judge may ask (judge.h); before the start. Without it, expectations that need it are refused. */
void assert_exporter_set_env(void *self, const struct judge_env *env);

#endif
