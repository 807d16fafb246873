/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue on disk: encoded requests in the order in which they came, kept until somebody says what
 * became of them. What was reported as durable survives kill -9 and a loss of power; it is handed
 * out, in order, until it is settled, also after a restart. After a kill the only requests that come
 * twice are those that were not settled.
 *
 * Files, in a folder of the queue's own, of mode 0600: segments of records that are only appended to
 * (format.h), and one file of settled sequence numbers and counters that never grows (acks.h), so
 * that a full disk still lets go of what was delivered.
 *
 * What is damaged never stops the rest. It is counted with its reason, reported by name, and its file
 * is kept under another name (".damaged").
 *
 * Two threads of its own do all input and output: the writer appends and syncs groups of requests,
 * the reader reads ahead, writes what was settled and removes files. No function below waits for the
 * disk but spool_open and spool_close.
 */
#ifndef SLUICE_SPOOL_SPOOL_H
#define SLUICE_SPOOL_SPOOL_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"
#include "pipeline/spool/files.h"

enum {
	SPOOL_NAME_MAX = 200,		    /* bytes of a queue's folder name */
	SPOOL_RECORD_BYTES_MAX = 256 << 20, /* of one request */
	SPOOL_SEGMENT_BYTES = 16 << 20,	    /* default; at most a sixteenth of the queue */
	SPOOL_COMMIT_BYTES = 1 << 20,	    /* default */
	SPOOL_PENDING_BYTES_MAX = 32 << 20, /* accepted and not on disk yet: they are in memory */
};

/* Why requests left the queue without having been sent. */
enum spool_loss {
	SPOOL_LOSS_DROP_OLDEST = 0, /* the queue was full and is told to let the oldest go */
	SPOOL_LOSS_EXPIRED,	    /* older than max_age */
	SPOOL_LOSS_CORRUPT,	    /* its bytes on disk are not those that were written */
	SPOOL_LOSS_MISSING,	    /* its file is gone; the number of its spans is not known */
	SPOOL_LOSS_REFUSED,	    /* settled as SPOOL_REFUSED: the consumer has counted why */
	SPOOL_LOSS_COUNT
};

/* The reason as a metric's label: "drop_oldest". */
const char *spool_loss_name(enum spool_loss loss);

/* Something that should not be there, or is not as it was written. Its spans, where they are known, are
 * counted when the queue comes to them. */
enum spool_finding_kind {
	SPOOL_FINDING_TORN =
		0, /* the end of a segment was being written; nobody was told it was taken */
	SPOOL_FINDING_DAMAGED, /* bytes of a segment are not those that were written */
	SPOOL_FINDING_HEADER,  /* a segment of no known format, or not of this queue: set aside */
	SPOOL_FINDING_MISSING, /* a segment is not there */
	SPOOL_FINDING_ACKS,    /* what was settled is not known: what is there is sent again */
	SPOOL_FINDING_FOREIGN, /* not ours; left alone */
	SPOOL_FINDING_UNREADABLE, /* the disk does not give a segment's bytes */
	SPOOL_FINDING_WRITE,	  /* the disk does not take what was to be written; err says why */
};

struct spool_finding {
	enum spool_finding_kind kind;
	const char *file; /* its name in the queue's folder */
	uint64_t records; /* that are lost by it, as far as is known */
	uint64_t bytes;
	const struct err *err; /* SPOOL_FINDING_WRITE; else NULL */
};

/* A few fixed words about ${kind}, for a log line. */
const char *spool_finding_words(enum spool_finding_kind kind);

struct spool_config {
	const char *directory;	 /* exists; the queue's folder is made in it */
	const char *exporter_id; /* "otlp_grpc/primary" */
	const char *signal;	 /* "traces" */
	uint64_t bytes_max; /* of all its files; one request is always let into an empty queue */
	uint64_t segment_bytes; /* 0: SPOOL_SEGMENT_BYTES */
	uint64_t age_ns_max;	/* 0: none. Wall clock, so a step of the clock is an age. */
	bool drop_oldest;	/* when full; else there is no room (backpressure) */
	uint64_t
		commit_ns; /* the longest a request waits for its group; 0: each is synced at once */
	size_t commit_bytes;	/* a group of so many waits no longer; 0: SPOOL_COMMIT_BYTES */
	uint32_t ahead_records; /* read and not yet taken; at least 1 */
	size_t ahead_bytes;	/* the same; one request is always read */
	struct budget *budget;	/* of what is read; outlives what was taken */
	const struct spool_files *files; /* NULL: the system's */
	uint64_t (*wall_ns)(void);	 /* NULL: clock_wall_ns */
	/* Both are called by threads of the spool, without its lock; they must not wait. */
	void (*ready)(void *arg); /* spool_take has something again. May be NULL. */
	void (*found)(void *arg,
		      const struct spool_finding *finding); /* also in spool_open. May be NULL. */
	void *arg;
};

struct spool;

/*
 * Opens the queue, and makes its folder if there is none. Blocks: reads two blocks of each segment,
 * and those whole that were open when the process died. Strings are copied, ${config} is not kept.
 *
 * -1: ERR_IO; ERR_NOMEM; ERR_CONFIG when another process has the queue open, or when a file has the
 * folder's name: a Collector's queue is called what it is.
 */
MUST_CHECK int spool_open(const struct spool_config *config, struct spool **ret_spool,
			  struct err *err);

/* Commits what is pending, writes what is settled, ends both threads and gives the queue free. What
 * was taken and not settled is handed out again after the next open. NULL is accepted. */
void spool_close(struct spool *spool);

/* ---- in ------------------------------------------------------------------------------------- */

/* Holds room for a request of ${bytes}. False: full, or too much waits for the disk already. Any
 * thread. */
MUST_CHECK bool spool_reserve(struct spool *spool, size_t bytes);
void spool_cancel(struct spool *spool, size_t bytes);

/* Embedded by the caller; is the spool's from spool_append until `done` is called. */
struct spool_append {
	struct chunk
		*chunk; /* encoded OTLP with its span_count; the spool takes a reference over */
	/* On the writer's thread; must not wait. ${err} is NULL: durable. Else the request is not in
	 * the queue, nor is its room; chunk is NULL in both cases. */
	void (*done)(struct spool_append *append, const struct err *err);
	struct spool_append *next; /* private */
};

/* Appends one request, for which room was reserved. Any thread; the order is that of the calls. */
void spool_append(struct spool *spool, struct spool_append *append);

/* ---- out ------------------------------------------------------------------------------------ */

struct spool_record {
	struct chunk *chunk; /* a reference, the taker's; NULL once given back */
	uint64_t sequence;
	uint32_t span_count;
};

/* The next request in order. False: none is read yet; `ready` is called when one is. One thread at a
 * time. */
MUST_CHECK bool spool_take(struct spool *spool, struct spool_record *ret_record);

enum spool_end { SPOOL_SENT, SPOOL_REFUSED };

/* ${record} needs to be kept no longer. Any order, any thread; once. */
void spool_settle(struct spool *spool, const struct spool_record *record, enum spool_end end);

/* ---- what is where -------------------------------------------------------------------------- */

/* accepted = sent + lost + held, in records and in spans (but those of SPOOL_LOSS_MISSING). Sent and
 * lost count from the queue's first day, over restarts. */
struct spool_stats {
	uint64_t bytes, bytes_max; /* on disk, with what is reserved */
	uint64_t segments;
	uint64_t held_records, held_spans; /* durable, and not settled */
	uint64_t sent_records, sent_spans;
	uint64_t lost_records[SPOOL_LOSS_COUNT], lost_spans[SPOOL_LOSS_COUNT];
	uint64_t unsettled;	 /* sequences below have been settled */
	uint64_t next_sequence;	 /* of the next request */
	uint64_t oldest_ns;	 /* wall clock time of the oldest segment that is held; 0: none */
	uint64_t acks_unwritten; /* settled, and not in the file yet */
	uint64_t findings;	 /* reported */
};

/* Any thread. */
void spool_stats(struct spool *spool, struct spool_stats *ret_stats);

/* ---- queues in a directory ------------------------------------------------------------------ */

/* The folder's name for an exporter's queue, after the Collector's rule for its files:
 * exporter_<type>_<name>_<signal>, other characters as ~%04X. False: it does not fit. */
MUST_CHECK bool spool_name(const char *exporter_id, const char *signal,
			   char ret_name[SPOOL_NAME_MAX + 1]);

enum spool_kind { SPOOL_KIND_QUEUE, SPOOL_KIND_COLLECTOR, SPOOL_KIND_OTHER };

struct spool_listing {
	const char *name; /* in the directory */
	enum spool_kind kind;
	uint64_t bytes, segments; /* SPOOL_KIND_QUEUE */
	bool in_use;		  /* by a process */
};

/* Calls ${visit} for each entry of ${directory}, in order of name. -1 with ERR_IO, ERR_NOMEM. */
MUST_CHECK int spool_list(const char *directory,
			  void (*visit)(void *arg, const struct spool_listing *listing), void *arg,
			  struct err *err);

#endif
