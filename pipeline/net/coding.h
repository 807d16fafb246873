/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content codings: gzip and deflate (zlib) by ISA-L, zstd by libzstd, snappy by libsnappy, lz4 by
 * liblz4. Messages are collected and inflated whole; the contexts (about 200 KiB) belong to a shard,
 * never to a connection.
 *
 * HTTP and gRPC have names of their own: `snappy` is one block in HTTP and the framing format in
 * gRPC, which HTTP calls `x-snappy-framed`. They are the Collector's.
 */
#ifndef SLUICE_NET_CODING_H
#define SLUICE_NET_CODING_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"

enum coding {
	CODING_IDENTITY = 0,
	CODING_GZIP,
	CODING_ZSTD,
	CODING_DEFLATE,
	CODING_SNAPPY,	      /* a block; frames are decoded, too */
	CODING_SNAPPY_FRAMED, /* the framing format alone */
	CODING_LZ4,
	CODING_COUNT
};

/* What Accept-Encoding and grpc-accept-encoding say that we decode. */
#define CODING_HTTP_NAMES "gzip, zstd, deflate, snappy, x-snappy-framed, lz4"
#define CODING_GRPC_NAMES "gzip, zstd, deflate, snappy"

/* The name in Content-Encoding: "identity", "gzip", "zstd", "deflate", "snappy", ... */
const char *coding_http_name(enum coding coding);

/* The name in grpc-encoding; NULL when gRPC has none for it. */
const char *coding_grpc_name(enum coding coding);

/* From a Content-Encoding value (one coding; case ignored; "" and "identity" are CODING_IDENTITY;
 * "x-gzip" is gzip; "zlib" is deflate). False for anything else. */
bool coding_parse_http(struct slice name, enum coding *ret_coding);

/* As coding_parse_http, from a grpc-encoding value. */
bool coding_parse_grpc(struct slice name, enum coding *ret_coding);

struct coder; /* contexts of one shard; made on first use, kept */

MUST_CHECK struct coder *coder_new(void);
void coder_free(struct coder *coder);

/* zstd frames that ask for a larger window are refused (8 MiB). */
enum { CODING_ZSTD_WINDOW_LOG_MAX = 23 };

/*
 * Decodes all of ${coded} into a new chunk. All members of a gzip file and all frames of a zstd,
 * lz4 or framed snappy stream are read; truncated input, trailing garbage and a wrong checksum are errors. NULL with
 * ERR_LIMIT as soon as the output would exceed ${bytes_max} (never more than that is allocated),
 * ERR_DECODE, ERR_NOMEM.
 */
MUST_CHECK struct chunk *coder_decode(struct coder *coder, enum coding coding, struct slice coded,
				      size_t bytes_max, struct budget *budget, struct err *err);

/* Encodes the concatenation of ${parts} into a new chunk. ${level} 0 is the default (ISA-L 1, zstd
 * 1); snappy and lz4 have none. NULL with ERR_NOMEM. */
MUST_CHECK struct chunk *coder_encode(struct coder *coder, enum coding coding, int level,
				      const struct slice *parts, size_t part_count,
				      struct budget *budget, struct err *err);

#endif
