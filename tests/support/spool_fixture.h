/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue on disk in a folder of the test's own. Requests are numbers: the bytes of one follow from its
 * number, so that what comes out is known to be what went in. Waits end with a failure after a minute.
 */
#ifndef SLUICE_TESTS_SPOOL_FIXTURE_H
#define SLUICE_TESTS_SPOOL_FIXTURE_H

#include "pipeline/spool/spool.h"

#include <pthread.h>
#include <sys/types.h>

enum { SPOOL_FIXTURE_FINDINGS = 64, SPOOL_FIXTURE_BODY_MIN = 24, SPOOL_FIXTURE_SPANS = 3 };
#define SPOOL_FIXTURE_QUEUE "exporter_otlp_grpc_primary_traces"

struct spool_fixture {
	char path[64];		    /* of the directory of queues */
	struct spool_config config; /* what the next open is given */
	struct budget budget;
	struct spool *spool;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock */
	uint64_t appended, failed; /* answers */
	bool ready;
	size_t finding_count;
	enum spool_finding_kind findings[SPOOL_FIXTURE_FINDINGS];
};

/* Makes the directory and a configuration: 1 GiB, a group for each request, all is read ahead. */
void spool_fixture_init(struct spool_fixture *fixture);
/* Closes, and removes the directory with all that is in it. */
void spool_fixture_fini(struct spool_fixture *fixture);

void spool_fixture_open(struct spool_fixture *fixture);
void spool_fixture_close(struct spool_fixture *fixture);

/* The bytes of request ${number}, of ${len} bytes. A new chunk. */
struct chunk *spool_fixture_body(struct budget *budget, uint64_t number, size_t len);
/* The number of such bytes; fails the test when they are not what they were. */
uint64_t spool_fixture_number(struct slice body);

/* Starts to append a request; false: no room. */
bool spool_fixture_start(struct spool_fixture *fixture, uint64_t number, size_t len);
/* Waits until ${count} requests are answered since the last open. */
void spool_fixture_wait(struct spool_fixture *fixture, uint64_t count);
/* Appends the requests ${from} to ${to} - 1, each on its own, all of which are taken. */
void spool_fixture_append(struct spool_fixture *fixture, uint64_t from, uint64_t to, size_t len);

/* The next request, waited for. Its number. */
uint64_t spool_fixture_take(struct spool_fixture *fixture, struct spool_record *ret_record);
/* The same without waiting for longer than the queue holds something. False: it holds nothing more. */
bool spool_fixture_take_held(struct spool_fixture *fixture, struct spool_record *ret_record,
			     uint64_t *ret_number);
void spool_fixture_settle(struct spool_fixture *fixture, struct spool_record *record);
/* Takes what is held in order and settles it; the numbers, of which there are at most ${max}. */
size_t spool_fixture_drain(struct spool_fixture *fixture, uint64_t *ret_numbers, size_t max);

struct spool_stats spool_fixture_stats(struct spool_fixture *fixture);
size_t spool_fixture_count_findings(struct spool_fixture *fixture, enum spool_finding_kind kind);

/* "<directory>/<queue>/<name>", valid until the next call. */
const char *spool_fixture_file(struct spool_fixture *fixture, const char *name);
/* How many files of the queue end in ${suffix}; the first of them in order of name. */
size_t spool_fixture_files(struct spool_fixture *fixture, const char *suffix, char ret_first[64]);

/* The whole file, from malloc. */
uint8_t *spool_fixture_read_file(const char *path, size_t *ret_len);
void spool_fixture_write_file(const char *path, const void *bytes, size_t len);

#endif
