/* SPDX-License-Identifier: Apache-2.0 */
/* Judging and cutting the texts that are no attribute: names, URLs, trace states. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_TEXT_H
#define SLUICE_PROCESSORS_METADATA_ONLY_TEXT_H

#include "pipeline/base/buf.h"

enum { TEXT_SPAN_NAME_MAX = 256 }; /* bytes */

/* True when ${url} has a query, a fragment or a user; appends it without them to ${out}. ${route}: it
 * may be a template, in which the ? of an expression begins no query. */
bool text_cut_url(struct slice url, bool route, struct buf *out);

/* http or https, visible characters only, nothing that text_cut_url would cut. */
bool text_is_plain_url(struct slice url);

/* What may stay of a span's name when that is not all of it: true, and it is appended to ${out}.
 * Paths lose what follows ? or # and have {} for segments that are ids or data; other names lose what
 * follows a ? that is no part of an expression; statements of databases keep their first word. */
bool text_cut_span_name(struct slice name, struct buf *out);

/* The member "ot" of a W3C trace state when it is well-formed (OpenTelemetry's own: sampling
 * threshold and randomness), as "ot=…"; else empty. */
struct slice text_ot_member(struct slice trace_state);

/* ${text} cut to at most ${bytes_max} bytes at the end of a character. */
struct slice text_cut_runes(struct slice text, size_t bytes_max);

/* Digits with a sign and at most one point, in at most 32 bytes. */
bool text_is_number(struct slice text);

#endif
