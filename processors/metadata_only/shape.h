/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a text is, by its bytes alone: one token (an id, a word of a list, a path, a version, a host),
 * a name of a few words, a line that a program prints about itself, or anything else. Meaning is not
 * judged: "yes" is a token.
 */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_H
#define SLUICE_PROCESSORS_METADATA_ONLY_SHAPE_H

#include "pipeline/base/compiler.h"
#include "pipeline/base/slice.h"
#include "processors/metadata_only/shape_block.h"

/*
 * The bounds, with what needs them:
 *   bytes    a resource id of a cloud (200), an image with its digest (150), a Kubernetes name (253)
 *   joined   words held together by _ - + , % or by capitals, between dots and slashes: names of
 *            deployments and of MCP tools have seven (mcp__github__create_pull_request_review_comment)
 *   letters  in a row: the longest in the names of OpenTelemetry's conventions is 21
 *   dense    letters of scripts that write no spaces (Chinese, Japanese, Thai, …) or little (Korean)
 *   run      letters and digits in a row: SHA-512 in hexadecimal digits is 128
 *   base64   in a row, of letters in both cases and digits: SHA-512 is 88
 *   spoken   words of letters alone in a name: "streaming response from 'm-4' took 1.2s" has four
 */
enum {
	SHAPE_BYTES_MAX = 256,
	SHAPE_JOINED_MAX = 8,
	SHAPE_ALL_JOINED_MAX = 32,
	SHAPE_LETTERS_MAX = 32,
	SHAPE_DENSE_MAX = 4,
	SHAPE_RUN_MAX = 128,
	SHAPE_BASE64_MAX = 88,
	SHAPE_ENCODED_MIN = 16, /* characters of base64 that are worth decoding */
	SHAPE_HEX_MIN = 32,
	SHAPE_NAME_BYTES_MAX = 128,
	SHAPE_NAME_WORDS_MAX = 8,
	SHAPE_NAME_SPOKEN_MAX = 5,
	SHAPE_NAME_DENSE_MAX = 12,
	SHAPE_PLAIN_MAX = 31, /* bytes; see shape_is_plain */
};

enum shape_mark {
	SHAPE_MARK_CONTROL = 1 << 0, /* control characters, line breaks and tabs among them */
	SHAPE_MARK_INVALID = 1 << 1, /* no UTF-8 */
	SHAPE_MARK_BLANK = 1 << 2,   /* white or invisible characters other than a space */
	SHAPE_MARK_CODE = 1 << 3,    /* characters or pairs of them that tokens do not have */
	SHAPE_MARK_QUOTE = 1 << 4,   /* " ; ` | & ^ ' */
	SHAPE_MARK_ASKS = 1 << 5,    /* a word ends with ? or ! or their like */
	SHAPE_MARK_SYMBOL = 1 << 6,  /* beyond ASCII and no letter */
	SHAPE_MARK_ENCODED = 1 << 7, /* holds a text in base64, hexadecimal digits or percents */
	SHAPE_MARK_LONG = 1 << 8,    /* over SHAPE_BYTES_MAX: nothing else was looked at */
};

/* What one pass over a text has found. */
struct shape {
	size_t len;	 /* bytes */
	unsigned marks;	 /* enum shape_mark */
	uint32_t words;	 /* between white characters */
	uint32_t spoken; /* those of letters alone */
	uint32_t joined; /* the most in one segment */
	uint32_t all_joined;
	uint32_t letters; /* the most in a row */
	uint32_t dense;
};

/* A single token. By the scan alone: where shape_guess was not sure. */
bool shape_is_token(struct slice text);
bool shape_is_token_by_scan(struct slice text);

/* A token, or a few words as people name agents, tools and scores. */
bool shape_is_name(struct slice text);

/* As a name, with the punctuation that names of operations have: quotes, braces, parentheses. */
bool shape_is_title(struct slice text);

/* Printable, one line, at most SHAPE_BYTES_MAX bytes, nothing encoded in it. */
bool shape_is_line(struct slice text);

/* A point in time or a duration: digits and the letters and signs of ISO 8601, perhaps quoted. */
bool shape_is_time(struct slice text);

/* The template of a route: printable ASCII without spaces, no query; the ? of an expression stays. */
bool shape_is_route(struct slice text);

/* Operation and targets of a database call: at most four words, and none has punctuation. */
bool shape_is_summary(struct slice text);

/* scheme://…, a token without query, fragment and user. */
bool shape_is_reference(struct slice text);

/* Whether all bytes of ${b} are letters, digits and . / : _ - alone. */
static inline bool shape_block_is_plain(shape_block b)
{
	shape_block letter = (shape_block)((b | 0x20) - 'a' <= 'z' - 'a');
	shape_block other = (shape_block)(b - '-' <= ':' - '-') | (shape_block)(b == '_');
	return shape_all(letter | other);
}

/* 1 where ${b} has _ or -. */
static inline shape_block shape_block_joints(shape_block b)
{
	return ((shape_block)(b == '_') | (shape_block)(b == '-')) & 1;
}

static inline bool shape_joints_are_few(shape_block joints)
{
	uint64_t halves[2];
	memcpy(halves, &joints, sizeof(halves));
	/* The sum of sixteen small bytes. */
	return ((halves[0] + halves[1]) * UINT64_C(0x0101010101010101)) >> 56 < SHAPE_JOINED_MAX;
}

/* True for most tokens, and for nothing else: short, of letters, digits and . / : _ - alone. So short
 * a text holds nothing encoded: base64 of a text has capitals. Bytes that are looked at twice count
 * twice. */
static inline bool shape_is_plain(const uint8_t *at, size_t len)
{
	if (len - 1 > SHAPE_PLAIN_MAX - 1)
		return false;
	if (len < SHAPE_BLOCK) {
		shape_block b = shape_block_of(at, len);
		return shape_block_is_plain(b) &&
		       (len < SHAPE_JOINED_MAX || shape_joints_are_few(shape_block_joints(b)));
	}
	shape_block a = shape_block_at(at), b = shape_block_at(at + len - SHAPE_BLOCK);
	shape_block capital =
		(shape_block)(a - 'A' <= 'Z' - 'A') | (shape_block)(b - 'A' <= 'Z' - 'A');
	return shape_block_is_plain(a) && shape_block_is_plain(b) && shape_bits(capital) == 0 &&
	       shape_joints_are_few(shape_block_joints(a) + shape_block_joints(b));
}

#endif
