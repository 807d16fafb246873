/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The health check under probes by any method, path and protocol, while the pipelines come and go,
 * time passes, and other peers send anything, or nothing, on connections of their own. Each probe
 * gets the answer that its configuration and the state say, to the byte; a time that is printed reads
 * back as what it is; nobody keeps a probe from its answer for longer than the server's own limits;
 * nothing is left.
 *
 * Byte 0: the configuration. Then steps of two bytes: what (bits 0-3), which connection (bits 4-7);
 * how much.
 */
#include "pipeline/base/clock.h"
#include "pipeline/graph/component.h"
#include "tests/fuzz/virtual_clock.h"
#include "tests/support/config_support.h"
#include "tests/support/file_folder.h"
#include "tests/support/fuzz_http.h"
#include "tests/support/fuzz_script.h"

#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	PEERS_MAX = 40, /* more than the server has room for */
	STEPS_MAX = 200,
	TURNS_MAX = 100,
	LIMIT_MS = 11000, /* then whoever keeps a connection busy has lost it */
};

enum step { STEP_PROBE = 0, STEP_READY, STEP_TIME, STEP_OPEN, STEP_SEND, STEP_CLOSE, STEP_COUNT };

static const struct {
	const char *yaml, *path; /* ${path}: all when "/" */
	const char *healthy;	 /* NULL: the status in JSON */
	const char *unhealthy;
} configs[4] = {
	{"", "/", NULL, NULL},
	{"path: /health/live\n", "/health/live", NULL, NULL},
	{"path: /health/live\nresponse_body: {healthy: fine, unhealthy: not fine}\n",
	 "/health/live", "fine", "not fine"},
	{"response_headers: {x-a: b}\nresponse_body: {healthy: fine}\n", "/", "fine", ""},
};

static const char *const paths[8] = {
	"/",	   "/health/live", "/health/live?deep=1", "/health/live/",
	"/health", "/HEALTH/LIVE", "//health/live",	  "/health/live%20"};
static const char *const methods[8] = {"GET",	 "HEAD",    "POST",  "PUT",
				       "DELETE", "OPTIONS", "PATCH", "PROPFIND"};

static struct world {
	struct loop loop;
	struct budget budget;
	struct server_shard shard;
	struct file_folder folder;
	/* of one input */
	struct config_support support;
	struct metrics *metrics;
	void *config, *self;
	size_t which; /* configuration */
	bool ready;
	uint64_t since_ns, since_wall_ns;
	int peers[PEERS_MAX];
	size_t peer_count;
} world;

extern const struct component_type extension_health_check;

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		(void)uv_run(&world.loop.uv, UV_RUN_NOWAIT);
}

static int connect_peer(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/health", world.folder.path);
	fuzz_must(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	turn();
	return fd;
}

/* ---- the body ------------------------------------------------------------------------------- */

/* The number at the beginning of ${text} in ns, its fraction included, if ${unit} follows it. The
 * rest of the text, NULL when it does not. */
static const char *read_unit(const char *text, const char *unit, uint64_t unit_ns, uint64_t *ns)
{
	size_t digits = strspn(text, "0123456789"), fraction = 0;
	const char *rest = text + digits;
	if (*rest == '.')
		fraction = 1 + strspn(rest + 1, "0123456789");
	if (digits == 0 || strncmp(rest + fraction, unit, strlen(unit)) != 0)
		return NULL;
	*ns += strtoull(text, NULL, 10) * unit_ns;
	uint64_t digit_ns = unit_ns;
	for (size_t i = 1; i < fraction; i++)
		*ns += (uint64_t)(rest[i] - '0') * (digit_ns /= 10);
	fuzz_must(fraction == 0 || (fraction > 1 && digit_ns > 0 && rest[fraction - 1] != '0'));
	return rest + fraction + strlen(unit);
}

/* "1h0m2.5s" and the like, which every reader of Go's durations reads. */
static uint64_t read_uptime(const char *text)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {{"h", 3600 * NS_PER_S}, {"m", 60 * NS_PER_S}, {"s", NS_PER_S}};
	static const struct {
		const char *unit;
		uint64_t ns;
	} small[] = {{"ms\"", NS_PER_MS}, {"\xc2\xb5s\"", NS_PER_US}, {"ns\"", 1}};
	uint64_t ns = 0;
	for (size_t i = 0; i < ARRAY_COUNT(small); i++) {
		if (read_unit(text, small[i].unit, small[i].ns, &ns)) {
			fuzz_must(ns >= small[i].ns && ns < small[i].ns * 1000);
			return ns;
		}
	}
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		uint64_t part = 0;
		const char *rest = read_unit(text, units[i].unit, units[i].ns, &part);
		fuzz_must(rest || ns == 0);		      /* no unit is left out between */
		fuzz_must(i == 0 || part < units[i].ns * 60); /* it belongs to the one before */
		ns += part;
		text = rest ? rest : text;
	}
	fuzz_must(strcmp(text, "\"}") == 0);
	return ns;
}

static void check_status(const char *body)
{
	static const char down[] = "{\"status\":\"Server not available\",\"upSince\":\"0001-01-01T"
				   "00:00:00Z\",\"uptime\":\"\"}";
	static const char up[] = "{\"status\":\"Server available\",\"upSince\":\"";
	char since[64];
	if (!world.ready) {
		fuzz_must(strcmp(body, down) == 0);
		return;
	}
	time_t seconds = (time_t)(world.since_wall_ns / NS_PER_S);
	struct tm date;
	fuzz_must(strncmp(body, up, strlen(up)) == 0 && gmtime_r(&seconds, &date));
	body += strlen(up);
	/* The component takes the time itself, a moment later: the minute will do. */
	(void)strftime(since, sizeof(since), "%FT%H:%M:", &date);
	bool same = strncmp(body, since, strlen(since)) == 0;
	fuzz_must(same || date.tm_sec == 59);
	body += strcspn(body, "Z");
	fuzz_must(strncmp(body, "Z\",\"uptime\":\"", 13) == 0);
	fuzz_must(read_uptime(body + 13) == clock_monotonic_ns() - world.since_ns);
}

static void check_answer(const struct fuzz_answer *answer, const char *method, const char *path)
{
	const char *wanted = configs[world.which].path;
	size_t len = strcspn(path, "?#");
	bool found = strcmp(wanted, "/") == 0 ||
		     (len == strlen(wanted) && strncmp(path, wanted, len) == 0);
	struct buf body = BUF_INIT;
	const char *text = configs[world.which].healthy;
	fuzz_must(answer->complete);
	fuzz_must(answer->status == (!found ? 404 : world.ready ? 200 : 503));
	fuzz_must(strcmp(answer->content_type,
			 found && !text ? "application/json" : "text/plain") == 0);
	buf_append(&body, buf_slice(&answer->body));
	if (strcmp(method, "HEAD") == 0)
		fuzz_must(body.len == 0);
	else if (!found)
		fuzz_must(strcmp(buf_cstr(&body), "404 page not found\n") == 0);
	else if (!text)
		check_status(buf_cstr(&body));
	else
		fuzz_must(strcmp(buf_cstr(&body),
				 world.ready ? text : configs[world.which].unhealthy) == 0);
	buf_fini(&body);
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* False: there was no room for it. */
static bool probe(uint8_t what)
{
	const char *method = methods[what >> 3 & 7], *path = paths[what & 7];
	const struct fuzz_call call = {
		.method = method, .path = path, .headers = "accept: */*\n", .body = SLICE("")};
	struct fuzz_http *http = fuzz_http_new(connect_peer(), what & 64, turn);
	fuzz_http_send(http, &call);
	const struct fuzz_answer *answer = fuzz_http_answer(http);
	bool answered = answer->status != 0;
	if (answered)
		check_answer(answer, method, path);
	else
		fuzz_must(world.peer_count > 0 && fuzz_http_is_over(http));
	fuzz_http_free(http);
	turn();
	return answered;
}

/* Whoever does not end what he began loses his connection: then there is room again. */
static void probe_surely(uint8_t what)
{
	for (int i = 0; i < 2 && !probe(what); i++) {
		fuzz_must(i == 0);
		virtual_clock_advance(LIMIT_MS);
		for (int turns = 0; turns < TURNS_MAX; turns++)
			turn();
	}
}

static void set_ready(bool ready)
{
	world.ready = ready;
	world.since_ns = clock_monotonic_ns();
	world.since_wall_ns = clock_wall_ns();
	extension_health_check.extension->ready(world.self, ready);
}

/* Bits 6-7: ns, ms, s, minutes. */
static void pass_time(uint8_t amount)
{
	static const uint64_t units_ms[] = {0, 1, 1000, 60 * 1000};
	virtual_now_ns += (amount >> 6) == 0 ? amount * UINT64_C(1037) : 0;
	virtual_clock_advance((amount & 63) * units_ms[amount >> 6]);
	turn();
}

static void on_peer(enum step step, size_t index, struct slice bytes)
{
	char answer[4096];
	if (index >= world.peer_count)
		return;
	index = world.peer_count - 1 - index; /* the last one is the first */
	int fd = world.peers[index];
	if (step == STEP_SEND && bytes.len > 0)
		(void)send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
	turn();
	while (recv(fd, answer, sizeof(answer), 0) > 0)
		;
	if (step != STEP_CLOSE)
		return;
	(void)close(fd);
	world.peers[index] = world.peers[--world.peer_count];
	turn();
}

static void run_step(struct slice *script)
{
	uint8_t code = fuzz_byte(script), amount = fuzz_byte(script);
	enum step step = (enum step)((code & 15) % STEP_COUNT);
	switch (step) {
	case STEP_PROBE: probe_surely(amount); break;
	case STEP_READY: set_ready(amount & 1); break;
	case STEP_TIME: pass_time(amount); break;
	case STEP_OPEN:
		if (world.peer_count < PEERS_MAX)
			world.peers[world.peer_count++] = connect_peer();
		break;
	case STEP_SEND: on_peer(step, code >> 4, fuzz_bytes(script, amount)); break;
	case STEP_CLOSE: on_peer(step, code >> 4, SLICE("")); break;
	case STEP_COUNT: break;
	}
}

/* ---- life ----------------------------------------------------------------------------------- */

static void remove_folder(void)
{
	file_folder_remove(&world.folder);
}

static void set_up(void)
{
	struct err err;
	fuzz_must(loop_init(&world.loop, &err) == 0);
	budget_init(&world.budget, UINT64_MAX);
	file_folder_make(&world.folder);
	fuzz_must(atexit(remove_folder) == 0);
	fuzz_must((world.shard.coder = coder_new()) != NULL);
	world.shard.loop = &world.loop;
	world.shard.budget = &world.budget;
	turn(); /* libuv opens its descriptors on first use */
}

static void start(size_t which)
{
	struct err err;
	struct buf yaml = BUF_INIT;
	const struct component_type *type = &extension_health_check;
	world.which = which;
	world.ready = false;
	buf_printf(&yaml, "endpoint: %s/health\ntransport: unix\n%s", world.folder.path,
		   configs[which].yaml);
	config_support_init(&world.support);
	world.config = calloc(1, type->config->struct_size);
	world.metrics = metrics_new();
	config_bind(type->config, config_support_load_text(&world.support, buf_cstr(&yaml)),
		    "extensions.health_check", world.config, &world.support.report);
	fuzz_must(world.support.report.error_count == 0);
	const struct component_env env = {.id = "health_check",
					  .metrics = world.metrics,
					  .budget = &world.budget,
					  .arena = &world.support.arena};
	world.self = type->extension->create(&env, world.config, &world.support.report);
	const struct extension_host host = {.loop = &world.loop, .shard = &world.shard};
	fuzz_must(world.self && type->extension->start(world.self, &host, &err) == 0);
	buf_fini(&yaml);
}

static void stop(void)
{
	extension_health_check.extension->ready(world.self, false);
	extension_health_check.extension->stop(world.self);
	for (int i = 0; i < TURNS_MAX; i++)
		turn();
	extension_health_check.extension->destroy(world.self);
	while (world.peer_count > 0)
		(void)close(world.peers[--world.peer_count]);
	free(world.config);
	metrics_free(world.metrics);
	config_support_fini(&world.support);
	fuzz_must(world.shard.connections == 0 && budget_used(&world.budget) == 0);
}

static int lowest_free_descriptor(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	fuzz_must(fd >= 0);
	(void)close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	if (size == 0)
		return 0;
	if (!world.loop.read_buffer)
		set_up();
	int descriptor = lowest_free_descriptor();
	start(fuzz_byte(&script) % ARRAY_COUNT(configs));
	for (int i = 0; i < STEPS_MAX && script.len > 0; i++)
		run_step(&script);
	probe_surely(0);
	stop();
	fuzz_must(lowest_free_descriptor() == descriptor);
	return 0;
}
