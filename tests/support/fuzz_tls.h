/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fuzz targets need for TLS: certificates in files that exist in memory only, and random
 * numbers that are the same in every run of an input.
 */
#ifndef SLUICE_TESTS_FUZZ_TLS_H
#define SLUICE_TESTS_FUZZ_TLS_H

#include "pipeline/base/slice.h"

/* PEM files. Two authorities; each has issued one certificate, for "localhost" and 127.0.0.1. */
enum fuzz_tls_file {
	FUZZ_TLS_AUTHORITY = 0,
	FUZZ_TLS_CERTIFICATE,
	FUZZ_TLS_KEY,
	FUZZ_TLS_OTHER_AUTHORITY,
	FUZZ_TLS_OTHER_CERTIFICATE,
	FUZZ_TLS_OTHER_KEY,
	FUZZ_TLS_SPARE, /* empty, for fuzz_tls_write */
	FUZZ_TLS_FILE_COUNT
};

/* Before anything else here; only the first call has an effect. The system's own roots are those of
 * no one from then on: reading them takes too long for a fuzz target. */
void fuzz_tls_init(void);

/* Starts OpenSSL's random numbers again from the same seed. */
void fuzz_tls_reseed(void);

const char *fuzz_tls_path(enum fuzz_tls_file file);

/* The file's content, NUL-terminated. */
const char *fuzz_tls_text(enum fuzz_tls_file file);

/* Replaces the content of the spare file. */
void fuzz_tls_write(const char *text);

#endif
