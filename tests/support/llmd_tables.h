/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that the fixtures add to the shipped example tables. For llmd_fixtures.c. */
#ifndef SLUICE_TESTS_LLMD_TABLES_H
#define SLUICE_TESTS_LLMD_TABLES_H

#include "cmd/example_table.h"

extern const struct example_trace llmd_proposal, llmd_rag, llmd_fastapi;

/* Attributes of single rows. */
extern const struct example_attr *const llmd_proxy_canaries;
extern const struct example_attr *const llmd_prefill_failed;
extern const struct example_attr *const llmd_decision_decode_only;
extern const struct example_attr *const llmd_proxy_decode_only;
extern const struct example_attr *const llmd_router_request;
extern const struct example_attr *const llmd_router_cache;
extern const struct example_attr *const llmd_router_upstream_failed;
extern const struct example_attr *const llmd_openllmetry_call;
extern const char *const llmd_router_names_v01[8];

#endif
