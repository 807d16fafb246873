/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where Sluice and protobuf-c 1.4 part on purpose, found by a reader of its own that knows the
 * schema. Each one has a test of its own in tests/unit/trace/test_differential.c.
 */
#ifndef SLUICE_TEST_TRACE_EXCEPTIONS_H
#define SLUICE_TEST_TRACE_EXCEPTIONS_H

#include "pipeline/base/slice.h"

enum trace_exception {
	/* Sluice refuses, protobuf-c accepts: */
	EXCEPTION_FIELD_ZERO = 1 << 0,	 /* field number 0 with a padded tag is unknown there */
	EXCEPTION_TAG_OVERFLOW = 1 << 1, /* bits of a tag above 2^32 are lost there */
	EXCEPTION_ID_LENGTH = 1 << 2,	 /* ids of any length pass there */
	EXCEPTION_BOOL_TYPE = 1 << 3,	 /* a bool of any wire type passes there */
	EXCEPTION_DEPTH = 1 << 4,	 /* values nested over 100 deep */
	EXCEPTION_REFUSED = (1 << 5) - 1,
	/* protobuf-c merges messages that occur twice wrongly: it loses numbers of the first, and
	 * refuses when neither has a member of its oneof set. */
	EXCEPTION_MERGE = 1 << 5,
};

/* The exceptions in ${body}, up to the first fault that both refuse. */
unsigned trace_exceptions(struct slice body);

/* True when the well-formed ${body} holds a singular field twice, two members of a oneof or a field
 * of an old version. */
bool trace_repeats(struct slice body);

#endif
