/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolver and its cache over name servers that answer anything, late, never or at once, while
 * resolv.conf changes and time passes, beside a model of the rules at the head of resolver.h and
 * dns.c: what is looked up, under which names and when; who is answered, when, once, and with which
 * addresses; how long an answer is kept, and what is used while there is no new one.
 *
 * Byte 0: how many search domains. Then steps of two bytes: what (bits 0-3), which name (bits 4-7);
 * how.
 *
 * c-ares is scripted (scripted_ares.h), and stat is this file's.
 */
#include "pipeline/base/clock.h"
#include "pipeline/net/resolver.h"
#include "tests/fuzz/resolver_names.h"
#include "tests/fuzz/scripted_ares.h"
#include "tests/fuzz/virtual_clock.h"
#include "tests/support/fuzz_script.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	HOSTS_MAX = 300, /* more than the resolver keeps */
	REQUESTS_MAX = 1024,
	STEPS_MAX = 200,
	MANY = 60,
	TIME_UNIT_MS = 100,
	SLACK_NS = 2000000, /* a timer's */
};

enum step {
	STEP_ASK = 0,
	STEP_ASK_MANY, /* names that nobody else asks for */
	STEP_ANSWER,   /* with addresses: how many, for how long */
	STEP_FAIL,     /* with a status of c-ares */
	STEP_FAIL_ALL,
	STEP_TIME,
	STEP_CANCEL,
	STEP_DISTRUST,
	STEP_CHANGE, /* resolv.conf */
	STEP_FILE,   /* the next look-up is answered at once */
	STEP_COUNT
};

/* What the rules say of a name. */
struct host {
	char text[256];
	bool kept; /* the resolver may know it; ${unsure}: or may have forgotten it */
	bool unsure;
	bool asking;
	bool server_failed;  /* and the search goes on by hand: */
	char candidate[512]; /* the name to be asked for; "" while c-ares searches */
	size_t next_domain;
	uint32_t answer_id; /* of the addresses; 0: none */
	size_t answer_count;
	uint64_t expires_ns, stale_ns; /* stale_ns 0: no old answer, or it is in use */
	/* The query that c-ares has now. */
	ares_addrinfo_callback callback;
	void *arg;
};

struct request {
	struct resolver_request base;
	struct host *host; /* NULL: one of those that are known */
	bool under_way, due;
	uint32_t answer_id; /* when due; 0: an error */
};

static struct world {
	struct loop loop;
	struct host hosts[HOSTS_MAX];
	size_t host_count;
	struct request requests[REQUESTS_MAX];
	size_t request_count;
	long conf_version;
	bool from_file, in_ask;
	uint8_t file_how;
} world;

static void expect_end(struct host *host, int status, const struct ares_addrinfo *found);

/* ---- the model: look-ups --------------------------------------------------------------------- */

static struct host *find_host(const char *text)
{
	size_t i = 0;
	while (i < world.host_count && strcasecmp(world.hosts[i].text, text) != 0)
		i++;
	fuzz_must(i < HOSTS_MAX);
	if (i == world.host_count) {
		(void)snprintf(world.hosts[i].text, sizeof(world.hosts[i].text), "%s", text);
		world.host_count++;
	}
	return &world.hosts[i];
}

/* The name that a failed search goes on with: each domain's (where c-ares gave up is not known), then
 * the name itself. False: there is none. */
static bool next_candidate(struct host *host)
{
	bool complete = host->text[strlen(host->text) - 1] == '.';
	if (scripted_ares.domain_count == 0 || complete)
		return false;
	while (host->next_domain <= scripted_ares.domain_count) {
		size_t i = host->next_domain++;
		bool last = i == scripted_ares.domain_count;
		int len = snprintf(host->candidate, sizeof(host->candidate), "%s%s%s.", host->text,
				   last ? "" : ".", last ? "" : domain_names[i]);
		if (len <= 254)
			return true;
	}
	host->candidate[0] = 0;
	return false;
}

/* The host whose look-up asks for ${name}, which is the name that the rules want to be asked. */
static struct host *host_of_query(const char *name)
{
	for (size_t i = 0; i < world.host_count; i++) {
		struct host *host = &world.hosts[i];
		const char *wanted = host->candidate[0] ? host->candidate : host->text;
		if (!host->callback && strcasecmp(name, wanted) == 0)
			return host;
	}
	return NULL;
}

static void scripted_ares_asked(const char *name, ares_addrinfo_callback callback, void *arg)
{
	struct host *host = host_of_query(name);
	fuzz_must(host != NULL);
	host->asking = true;
	host->callback = callback;
	host->arg = arg;
	if (!world.from_file)
		return;
	world.from_file = false;
	struct ares_addrinfo *found = scripted_result(world.file_how);
	host->callback = NULL;
	expect_end(host, ARES_SUCCESS, found);
	callback(arg, ARES_SUCCESS, 0, found);
}

/* All queries begin anew with the next channel. */
static void scripted_ares_ended(void)
{
	for (size_t i = 0; i < world.host_count; i++) {
		struct host *host = &world.hosts[i];
		ares_addrinfo_callback callback = host->callback;
		host->callback = NULL;
		host->next_domain = 0; /* it begins anew */
		host->server_failed = false;
		host->candidate[0] = 0;
		if (callback)
			callback(host->arg, ARES_EDESTRUCTION, 0, NULL);
	}
}

/* ---- the model: answers ---------------------------------------------------------------------- */

static void expect_answers(struct host *host)
{
	for (size_t i = 0; i < world.request_count; i++) {
		struct request *request = &world.requests[i];
		if (request->host != host || !request->under_way || request->due)
			continue;
		request->due = true;
		request->answer_id = host->answer_id;
	}
}

static void expect_end(struct host *host, int status, const struct ares_addrinfo *found)
{
	uint64_t ttl_s = 0, now_ns = clock_monotonic_ns();
	size_t count = status == ARES_SUCCESS ? scripted_usable(found, &ttl_s) : 0;
	bool missing = status == ARES_ENOTFOUND || status == ARES_ENODATA ||
		       (status == ARES_SUCCESS && count == 0);
	host->asking = false;
	host->stale_ns = 0;
	if (count > 0) {
		host->answer_id = scripted_ares.answers;
		host->answer_count = count;
		host->expires_ns = now_ns + ttl_s * NS_PER_S;
	} else if (missing && (!host->server_failed || status == ARES_SUCCESS)) {
		host->answer_id = 0;
	} else {
		host->expires_ns = now_ns + RESOLVER_RECHECK_MS * NS_PER_MS;
	}
	host->server_failed = false;
	host->candidate[0] = 0;
	host->next_domain = 0;
	expect_answers(host);
}

/* A query ends with ${status}: whether the search goes on is the rules' business, too. */
static void end_query(struct host *host, int status, struct ares_addrinfo *found)
{
	ares_addrinfo_callback callback = host->callback;
	bool missing = status == ARES_ENOTFOUND || status == ARES_ENODATA;
	bool may_go_on = status != ARES_SUCCESS && status != ARES_ETIMEOUT &&
			 (host->server_failed || !missing);
	host->callback = NULL;
	bool goes_on = may_go_on && next_candidate(host);
	if (goes_on)
		host->server_failed = true;
	else
		expect_end(host, status, found);
	callback(host->arg, status, 0, found);
	fuzz_must(host->callback != NULL || !host->asking); /* a file answers at once */
}

/* The old answer will do: the look-up has had its time. */
static void expect_stale(void)
{
	uint64_t now_ns = clock_monotonic_ns();
	for (size_t i = 0; i < world.host_count; i++) {
		struct host *host = &world.hosts[i];
		if (!host->asking || host->stale_ns == 0 || host->stale_ns > now_ns)
			continue;
		host->stale_ns = 0;
		expect_answers(host);
	}
}

/* ---- questions ------------------------------------------------------------------------------ */

static uint32_t id_of(const union resolver_address *address)
{
	uint32_t id = address->v4.sin_addr.s_addr;
	if (address->any.sa_family == AF_INET6)
		memcpy(&id, &address->v6.sin6_addr, sizeof(id));
	return id;
}

static void on_done(struct resolver_request *base)
{
	struct request *request = CONTAINER_OF(base, struct request, base);
	fuzz_must(!world.in_ask && request->under_way && request->due);
	request->under_way = false;
	if (!request->host) {
		fuzz_must(base->answer.count == 1 || base->answer.count == 2);
		return;
	}
	fuzz_must((base->answer.count == 0) == (request->answer_id == 0));
	fuzz_must(base->answer.count > 0 || base->err.msg[0] != 0);
	for (size_t i = 0; i < base->answer.count; i++)
		fuzz_must(id_of(&base->answer.addresses[i]) == request->answer_id);
}

static size_t names_kept(const struct host *besides)
{
	size_t count = 0;
	for (size_t i = 0; i < world.host_count; i++)
		count += world.hosts[i].kept && &world.hosts[i] != besides;
	return count;
}

static size_t names_asking(void)
{
	size_t count = 0;
	for (size_t i = 0; i < world.host_count; i++)
		count += world.hosts[i].asking;
	return count;
}

/* One that is not asked for may be forgotten; which one is the resolver's choice. */
static void make_room(const struct host *host)
{
	bool full = !host->kept && names_kept(host) >= RESOLVER_NAMES_MAX;
	for (size_t i = 0; full && i < world.host_count; i++)
		world.hosts[i].unsure |= world.hosts[i].kept && !world.hosts[i].asking;
}

static void ask(const char *text, bool is_known)
{
	struct err err;
	if (world.request_count == REQUESTS_MAX)
		return;
	struct host *host = is_known ? NULL : find_host(text);
	struct request *request = &world.requests[world.request_count++];
	*request = (struct request){
		.base.done = on_done, .host = host, .under_way = true, .due = is_known};
	uint64_t now_ns = clock_monotonic_ns();
	bool was_asking = host && host->asking;
	bool has_answer = host && host->answer_id != 0 &&
			  (now_ns < host->expires_ns || (was_asking && host->stale_ns == 0));
	if (host) {
		make_room(host);
		if (has_answer) {
			request->due = true;
			request->answer_id = host->answer_id;
		} else if (!was_asking && host->answer_id != 0) {
			host->stale_ns = now_ns + RESOLVER_STALE_WAIT_MS * NS_PER_MS;
		}
		host->kept = true;
	}
	uint32_t answers = scripted_ares.answers;
	world.in_ask = true;
	int result = resolver_ask(&world.loop, text, &request->base, &err);
	world.in_ask = false;
	if (result != 0) { /* a look-up is under way for each name */
		fuzz_must(names_asking() >= RESOLVER_NAMES_MAX);
		host->kept = host->unsure = request->under_way = false;
		host->answer_id = 0;
		host->stale_ns = 0;
		return;
	}
	bool asked = host && !was_asking && (host->asking || scripted_ares.answers != answers);
	fuzz_must(!host || asked == (!was_asking && !has_answer) || host->unsure);
	if (asked && has_answer) { /* it had been forgotten */
		request->due = !host->asking;
		if (host->asking)
			host->answer_id = 0;
		request->answer_id = host->answer_id;
	}
	if (asked)
		host->unsure = false;
}

static void ask_many(uint8_t how)
{
	char text[16];
	for (unsigned i = 0; i < MANY && world.host_count < HOSTS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "m%u.", (how % 4U) * MANY + i);
		ask(text, false);
	}
}

/* ---- the script ----------------------------------------------------------------------------- */

int stat(const char *path, struct stat *ret_status)
{
	if (strcmp(path, "/etc/resolv.conf") != 0)
		return fstatat(AT_FDCWD, path, ret_status, 0);
	*ret_status = (struct stat){.st_ino = 1, .st_mtim.tv_sec = world.conf_version};
	return 0;
}

static int status_of(uint8_t how)
{
	static const int statuses[8] = {ARES_ENOTFOUND,	   ARES_ENODATA,  ARES_ESERVFAIL,
					ARES_ETIMEOUT,	   ARES_EREFUSED, ARES_EBADRESP,
					ARES_ECONNREFUSED, ARES_ENOMEM};
	return statuses[how & 7];
}

static void answer(struct host *host, bool with_addresses, uint8_t how)
{
	if (!host->callback)
		return;
	if (with_addresses)
		end_query(host, ARES_SUCCESS, scripted_result(how));
	else
		end_query(host, status_of(how), NULL);
}

static void fail_all(uint8_t how)
{
	for (size_t i = 0; i < world.host_count; i++)
		answer(&world.hosts[i], false, how);
}

static void turn(void)
{
	expect_stale();
	for (int i = 0; i < 3; i++)
		(void)uv_run(&world.loop.uv, UV_RUN_NOWAIT);
	for (size_t i = 0; i < world.host_count; i++) /* no look-up has lost its query */
		fuzz_must(world.hosts[i].asking == (world.hosts[i].callback != NULL));
	for (size_t i = 0; i < world.request_count; i++)
		fuzz_must(!world.requests[i].under_way || !world.requests[i].due);
}

/* Never to a moment at which a timer may, but need not, have run. */
static void pass_time(uint8_t amount)
{
	virtual_clock_advance(amount * (uint64_t)TIME_UNIT_MS);
	for (size_t i = 0; i < world.host_count; i++) {
		uint64_t stale_ns = world.hosts[i].stale_ns, now_ns = clock_monotonic_ns();
		if (stale_ns != 0 && stale_ns <= now_ns && now_ns < stale_ns + SLACK_NS)
			virtual_clock_advance(3);
	}
	turn();
}

static void cancel(size_t at)
{
	struct request *request = at < world.request_count ? &world.requests[at] : NULL;
	if (!request || !request->under_way)
		return;
	resolver_cancel(&request->base);
	request->under_way = false;
}

static void run_step(enum step step, size_t which, uint8_t how)
{
	const char *name = names[which % NAMES];
	struct host *host = find_host(name);
	switch (step) {
	case STEP_ASK: ask(which < 10 ? name : known[which - 10], which >= 10); break;
	case STEP_ASK_MANY: ask_many(how); break;
	case STEP_ANSWER: answer(host, true, how); break;
	case STEP_FAIL: answer(host, false, how); break;
	case STEP_FAIL_ALL: fail_all(how); break;
	case STEP_TIME: pass_time(how); break;
	case STEP_CANCEL: cancel(world.request_count - 1 - how % 8); break;
	case STEP_DISTRUST:
		resolver_distrust(&world.loop, name);
		host->expires_ns = 0;
		break;
	case STEP_CHANGE: world.conf_version++; break;
	case STEP_FILE:
		world.from_file = true;
		world.file_how = how;
		break;
	case STEP_COUNT: break;
	}
	if (step == STEP_CHANGE && !scripted_ares.channel)
		scripted_ares.domain_count = how % (DOMAINS_MAX + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	struct err err;
	memset(&world, 0, sizeof(world));
	memset(&scripted_ares, 0, sizeof(scripted_ares));
	fuzz_must(loop_init(&world.loop, &err) == 0);
	scripted_ares.domain_count = fuzz_byte(&script) % (DOMAINS_MAX + 1);
	scripted_ares.domains = (char **)(uintptr_t)domain_names;
	for (int i = 0; i < STEPS_MAX && script.len > 0; i++) {
		uint8_t code = fuzz_byte(&script), how = fuzz_byte(&script);
		run_step((enum step)((code & 15) % STEP_COUNT), code >> 4, how);
		if (code & 15)
			turn();
	}
	turn();
	for (size_t i = 0; i < world.request_count; i++)
		cancel(i);
	loop_fini(&world.loop);
	fuzz_must(scripted_ares.results_alive == 0 && !scripted_ares.channel);
	return 0;
}
