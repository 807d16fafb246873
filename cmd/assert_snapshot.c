/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two contracts in the same order are gone through side by side. Of a span that is in one of them
 * alone nothing more is told.
 */
#include "cmd/assert_snapshot.h"

#include "cmd/assert_contract.h"
#include "cmd/assert_report.h"

#include <inttypes.h>
#include <stdio.h>

struct comparing {
	struct assert_results *results;
	struct assert_case *at;
	struct config_loc span_loc; /* of the span in the file that was met last */
	uint64_t added, removed, changed;
};

static void tell(struct comparing *comparing, const struct contract_entry *entry,
		 struct config_loc loc, const char *why)
{
	static const char *const nouns[] = {[CONTRACT_SPAN] = "span",
					    [CONTRACT_KIND] = "kind",
					    [CONTRACT_PARENT] = "parent",
					    [CONTRACT_ATTRIBUTE] = "attribute"};
	struct buf wanted = BUF_INIT;
	buf_printf(&wanted, "%.*s", SLICE_FMT(entry->span));
	if (entry->type != CONTRACT_SPAN)
		buf_printf(&wanted, ": %s", nouns[entry->type]);
	if (entry->key.len > 0)
		buf_printf(&wanted, " %.*s", SLICE_FMT(entry->key));
	assert_results_miss(
		comparing->results, comparing->at,
		&(struct assert_miss){
			.loc = loc,
			.wanted = assert_results_text(comparing->results, buf_slice(&wanted)),
			.why = assert_results_text(comparing->results, slice_str(why))});
	buf_fini(&wanted);
}

static void tell_changed(struct comparing *comparing, const struct contract_entry *was,
			 const struct contract_entry *is)
{
	struct buf why = BUF_INIT;
	if (slice_equal(was->value, is->value))
		return;
	comparing->changed++;
	buf_printf(&why, "changed from %.*s to %.*s", SLICE_FMT(was->value), SLICE_FMT(is->value));
	tell(comparing, is, was->loc, buf_cstr(&why));
	buf_fini(&why);
}

/* Behind ${at}: all entries of the span, when ${at} is the span itself. */
static size_t behind(const struct contract *contract, size_t at)
{
	size_t next = at + 1;
	while (contract->at[at].type == CONTRACT_SPAN && next < contract->count &&
	       slice_equal(contract->at[next].span, contract->at[at].span))
		next++;
	return next;
}

static void compare(struct comparing *comparing, const struct contract *was,
		    const struct contract *is)
{
	size_t a = 0, b = 0;
	while (a < was->count || b < is->count) {
		int order = a == was->count  ? 1
			    : b == is->count ? -1
					     : contract_compare(&was->at[a], &is->at[b]);
		if (order <= 0 && was->at[a].type == CONTRACT_SPAN)
			comparing->span_loc = was->at[a].loc;
		if (order == 0) {
			tell_changed(comparing, &was->at[a++], &is->at[b++]);
		} else if (order < 0) {
			comparing->removed++;
			tell(comparing, &was->at[a], was->at[a].loc, "removed");
			a = behind(was, a);
		} else {
			comparing->added++;
			tell(comparing, &is->at[b],
			     is->at[b].type == CONTRACT_SPAN ? comparing->at->loc
							     : comparing->span_loc,
			     "added");
			b = behind(is, b);
		}
	}
}

static bool make_case(struct comparing *comparing, const char *path, const struct contract *was,
		      const struct contract *is)
{
	struct assert_results *results = comparing->results;
	comparing->at = assert_results_add(results, ASSERT_CASE_SNAPSHOT,
					   SLICE("the spans have the contract of the snapshot"));
	const char *file = assert_results_text(results, slice_str(path));
	if (!comparing->at)
		return false;
	comparing->at->loc = (struct config_loc){.file = file, .line = 1};
	compare(comparing, was, is);
	if (comparing->at->result == VERDICT_HOLDS)
		return true;
	const char *summary = arena_printf(
		&results->arena,
		"%" PRIu64 " added, %" PRIu64 " removed, %" PRIu64 " changed (--update takes it "
		"over)",
		comparing->added, comparing->removed, comparing->changed);
	comparing->at->summary = summary ? summary : "";
	return summary != NULL;
}

bool assert_snapshot_compare(const char *path, const struct trace_buffer *const *buffers,
			     size_t count, struct assert_results *results)
{
	struct comparing comparing = {.results = results};
	struct contract was, is;
	struct survey survey;
	struct config_report report;
	struct buf text = BUF_INIT;
	struct err err = {0};
	config_report_init(&report, &results->arena);
	contract_init(&was, &results->arena);
	contract_init(&is, &results->arena);
	int status = survey_init(&survey, buffers, count, results->policy, false, &err);
	bool done = status == 0 && contract_read(&was, path, &report) &&
		    contract_of_survey(&is, &survey) && make_case(&comparing, path, &was, &is);
	config_report_print(&report, CONFIG_ERROR, &text);
	fputs(buf_cstr(&text), stderr);
	if (!done && text.len == 0)
		fprintf(stderr, "Error: %s: %s\n", path, status ? err.msg : "out of memory");
	buf_fini(&text);
	contract_fini(&was);
	contract_fini(&is);
	survey_fini(&survey);
	return done;
}

bool assert_snapshot_update(const char *path, const struct trace_buffer *const *buffers,
			    size_t count, struct assert_policy *policy)
{
	struct survey survey;
	struct buf text = BUF_INIT;
	struct err err;
	bool written = survey_init(&survey, buffers, count, policy, false, &err) == 0;
	if (written) {
		contract_write(&survey, &text);
		written = assert_write_file(path, &text);
	} else {
		fprintf(stderr, "Error: %s: %s\n", path, err.msg);
	}
	buf_fini(&text);
	survey_fini(&survey);
	return written;
}
