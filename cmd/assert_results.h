/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `sluice assert` has found out, as text that may be printed: the one model that every report is
 * written from. It is filled once; reports neither judge nor ask the policy. Each thing that decides about
 * the exit code is a case: an expectation, the command, that spans came at all.
 *
 * Texts are UTF-8 without control characters but line feed and tab, live in the results' arena, and
 * hold of a peer's only what the policy would let pass.
 */
#ifndef SLUICE_CMD_ASSERT_RESULTS_H
#define SLUICE_CMD_ASSERT_RESULTS_H

#include "cmd/assert_policy.h"
#include "cmd/assert_run.h"
#include "exporters/debug/terminal.h"

enum assert_exit {
	ASSERT_EXIT_HOLDS = 0,
	ASSERT_EXIT_FAILED = 1,
	ASSERT_EXIT_NOTHING = 2, /* no span was received */
	ASSERT_EXIT_BAD_FILE = 3,
	ASSERT_EXIT_COMMAND = 4, /* the command failed, whatever the expectations say */
};

enum {
	ASSERT_MISSES_MAX = 100,     /* kept of one case */
	ASSERT_TREE_SPANS_MAX = 200, /* a larger trace is not drawn */
	ASSERT_RESULTS_BYTES_MAX = 256 << 20,
};

/* What there is to report about. Nobody adds spans any more. */
struct assert_outcome {
	enum assert_end end;
	struct expect_session *const *sessions;
	size_t session_count;
	const struct assert_child *child; /* NULL: there was no command */
	const struct metrics *metrics;	  /* of the receivers; NULL: nothing was listened on */
	uint16_t port;
};

struct assert_found {
	const char *what;
	const char *value; /* NULL: not there */
	bool hidden;	   /* `value` says what it is, not what it holds */
};

/* One part that is missed. */
struct assert_miss {
	struct config_loc loc; /* file NULL: none */
	const char *wanted, *why;
	const char *nearest_word; /* NULL: none */
	uint32_t found_count;
	struct assert_found found[EXPECT_FOUND_MAX];
	struct assert_miss *next;
};

enum assert_case_kind {
	ASSERT_CASE_EXPECTATION = 0,
	ASSERT_CASE_SPANS,    /* spans were received, all were kept, and they could be judged */
	ASSERT_CASE_COMMAND,  /* the command ended well */
	ASSERT_CASE_SNAPSHOT, /* the spans' contract is the committed one */
	ASSERT_CASE_REGISTRY, /* the attributes are as the semantic conventions say */
	ASSERT_CASE_KIND_COUNT
};

struct assert_case {
	enum assert_case_kind kind;
	enum verdict_result result;
	const char *title;
	struct config_loc loc;	/* file NULL: none */
	struct verdict verdict; /* of an expectation */
	const char *summary;	/* why it does not hold, in a line; "" when it does */
	char trace_id[2 * TRACE_ID_BYTES + 1], span_id[2 * SPAN_ID_BYTES + 1]; /* or "" */
	const char *tree, *terminal_tree; /* the trace as text, and for the terminal; or "" */
	struct assert_miss *misses, **misses_end;
	uint32_t miss_count; /* kept or not */
	struct assert_case *next;
};

struct assert_results {
	struct assert_case *cases, **cases_end;
	uint64_t held, failed, empty; /* expectations */
	uint64_t spans, traces, lost;
	bool any_failed; /* some case */
	enum assert_end end;
	bool has_command;
	int command_code;  /* -1: it did not end by itself */
	const char *notes; /* lines about what was received or not, for people; "" */
	int exit_code;
	bool no_memory;
	/* private */
	struct arena arena;
	struct assert_policy *policy;
	struct terminal terminal;
};

/* Judges what is new and takes it all down. ${terminal} is what `terminal_tree` is for. assert_results_fini
 * ends it. */
void assert_results_init(struct assert_results *results, const struct assert_outcome *outcome,
			 struct assert_policy *policy, struct terminal terminal);
void assert_results_fini(struct assert_results *results);

/* Sets exit_code, when all cases are there. */
void assert_results_conclude(struct assert_results *results);

/* Appends a case that holds; NULL latches no_memory. ${title} is copied. */
struct assert_case *assert_results_add(struct assert_results *results, enum assert_case_kind kind,
				       struct slice title);

/* The case fails, with ${miss}, whose texts have to stay; copied. */
void assert_results_miss(struct assert_results *results, struct assert_case *at,
			 const struct assert_miss *miss);

/* ${text} as it may stand in the results; never NULL. */
const char *assert_results_text(struct assert_results *results, struct slice text);

/* "the deadline was reached", and as a word for programs: "deadline". */
const char *assert_end_text(enum assert_end end);
const char *assert_end_word(enum assert_end end);
const char *assert_case_word(enum assert_case_kind kind);

#endif
