/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP/JSON read by jansson into a tree and from there, by protobuf-c's descriptors, into
 * protobuf-c's objects: what the incremental decoder is compared with.
 */
#ifndef SLUICE_TESTS_JSON_ORACLE_H
#define SLUICE_TESTS_JSON_ORACLE_H

#include "tests/support/trace_proto.h"

enum json_verdict {
	JSON_ACCEPTED,
	JSON_REFUSED,
	/* jansson and Sluice part on purpose: repeated keys (jansson keeps the last), integers
	 * over 64 bits, text that is not UTF-8 and halves of surrogate pairs (jansson refuses). */
	JSON_EXCEPTION,
};

/* ${ret_tree} is the caller's when accepted: trace_request_free. */
enum json_verdict json_oracle(struct slice json, trace_tree **ret_tree);

#endif
