/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups, versions 1 and 2, also beside each other (hybrid). A limit holds for a group and
 * everything below it, so a process is bound by the least limit between its own group and the root:
 * systemd sets MemoryMax= on slices, Kubernetes on the pod.
 *
 *   /proc/self/mountinfo  where a hierarchy is mounted, and which of its groups is seen there
 *   /proc/self/cgroup     our group in each hierarchy
 *
 * Both paths count from the root of our cgroup namespace. In a container without one of its own the
 * mount shows only our group: the path goes on below the mount's root. A group outside of what the
 * mount shows ("/../x") cannot be walked; the mount point is the nearest that can be read. Version 1
 * tells the least limit of groups that we cannot see in memory.stat.
 */
#include "pipeline/base/cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

enum { FIELDS_MAX = 6 /* of a line of mountinfo, before the optional ones */ };

struct hierarchy {
	const char *root;     /* of all paths: "" but in tests */
	struct slice mount;   /* where it is mounted, below root */
	char group[PATH_MAX]; /* our group below the mount: "" or "/a/b" */
	bool is_v2;
};

static struct slice line_of(const char *text)
{
	return slice_of(text, strcspn(text, "\n"));
}

/* The word up to the next ${separator}, cut from ${rest}. */
static struct slice next_word(struct slice *rest, char separator)
{
	if (rest->len == 0)
		return *rest; /* there may be no text at all: nothing is added to NULL */
	const uint8_t *end = memchr(rest->ptr, separator, rest->len);
	size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
	struct slice word = slice_of(rest->ptr, len);
	size_t skip = end ? len + 1 : len;
	*rest = slice_of(rest->ptr + skip, rest->len - skip);
	return word;
}

static bool list_has(struct slice list, const char *item)
{
	while (list.len > 0) {
		if (slice_equal(next_word(&list, ','), slice_str(item)))
			return true;
	}
	return false;
}

static FILE *open_file(const char *root, const char *path)
{
	char whole[PATH_MAX];
	int len = snprintf(whole, sizeof(whole), "%s%s", root, path);
	return len > 0 && (size_t)len < sizeof(whole) ? fopen(whole, "re") : NULL;
}

/* ---- where we are --------------------------------------------------------------------------- */

/* Our path in the hierarchy of ${controller} (NULL: version 2's), into ${path}. */
static bool find_path(const char *root, const char *controller, char *path, size_t size)
{
	FILE *file = open_file(root, "/proc/self/cgroup");
	char *line = NULL;
	size_t capacity = 0;
	bool found = false;
	while (file && !found && getline(&line, &capacity, file) > 0) {
		struct slice rest = line_of(line);
		struct slice id = next_word(&rest, ':');
		struct slice controllers = next_word(&rest, ':');
		found = controller ? list_has(controllers, controller)
				   : slice_equal(id, SLICE("0")) && controllers.len == 0;
		found = found && rest.len < size;
		if (found)
			(void)snprintf(path, size, "%.*s", SLICE_FMT(rest));
	}
	free(line);
	if (file)
		(void)fclose(file); /* only read from */
	return found;
}

/* mountinfo writes space, tab, newline and backslash as \ooo; undone in place. */
static struct slice unescape(char *text, size_t len)
{
	size_t out = 0;
	for (size_t i = 0; i < len; i++) {
		bool coded = text[i] == '\\' && i + 3 < len;
		char digits[4] = {0};
		if (coded)
			memcpy(digits, text + i + 1, 3);
		text[out++] = coded ? (char)strtoul(digits, NULL, 8) : text[i];
		i += coded ? 3 : 0;
	}
	return slice_of(text, out);
}

/* Where ${path} lies below a mount that shows ${mount_root}; "" when it lies outside. */
static void place_below(struct hierarchy *h, const char *path, struct slice mount_root)
{
	struct slice rest = slice_str(path);
	if (mount_root.len > 1) { /* not "/" */
		bool inside = slice_has_prefix(rest, mount_root) &&
			      (rest.len == mount_root.len || rest.ptr[mount_root.len] == '/');
		rest = inside ? slice_of(rest.ptr + mount_root.len, rest.len - mount_root.len)
			      : slice_of(NULL, 0);
	}
	if (rest.len == 1 || slice_has_prefix(rest, SLICE("/..")))
		rest.len = 0;
	(void)snprintf(h->group, sizeof(h->group), "%.*s", SLICE_FMT(rest));
}

/* ---- values --------------------------------------------------------------------------------- */

/* The first line of a file of the group, trimmed; empty when it cannot be read. */
static struct slice read_value(const struct hierarchy *h, const char *name, char *buffer, int size)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%.*s%s/%s", SLICE_FMT(h->mount), h->group, name);
	FILE *file = len > 0 && (size_t)len < sizeof(path) ? open_file(h->root, path) : NULL;
	bool read = file && fgets(buffer, size, file);
	if (file)
		(void)fclose(file); /* only read from */
	return read ? line_of(buffer) : slice_of(NULL, 0);
}

/* "max", 0 and what is no number set no limit: a group without memory holds no process. */
static void lower(uint64_t *limit, struct slice value)
{
	uint64_t bytes;
	if (slice_parse_u64(value, &bytes) && bytes > 0 && bytes < *limit)
		*limit = bytes;
}

uint64_t cgroup_quota_cpus(struct slice quota_us, struct slice period_us)
{
	uint64_t quota, period;
	if (!slice_parse_u64(quota_us, &quota) || !slice_parse_u64(period_us, &period) ||
	    quota == 0 || period == 0)
		return UINT64_MAX;
	return quota / period + (quota % period > 0);
}

static void read_cpus(const struct hierarchy *h, struct cgroup_limits *limits)
{
	char first[64], second[64];
	struct slice quota, period;
	if (h->is_v2) {
		period = read_value(h, "cpu.max", first, sizeof(first));
		quota = next_word(&period, ' ');
	} else {
		quota = read_value(h, "cpu.cfs_quota_us", first, sizeof(first));
		period = read_value(h, "cpu.cfs_period_us", second, sizeof(second));
	}
	uint64_t cpus = cgroup_quota_cpus(quota, period);
	if (cpus < limits->cpus)
		limits->cpus = cpus;
}

/* The least limit of the group and all above it, as version 1 knows it. */
static void read_hierarchical(const struct hierarchy *h, struct cgroup_limits *limits)
{
	char path[PATH_MAX], line[128];
	int len = snprintf(path, sizeof(path), "%.*s%s/memory.stat", SLICE_FMT(h->mount), h->group);
	FILE *file = len > 0 && (size_t)len < sizeof(path) ? open_file(h->root, path) : NULL;
	while (file && fgets(line, sizeof(line), file)) {
		struct slice rest = line_of(line);
		if (slice_equal(next_word(&rest, ' '), SLICE("hierarchical_memory_limit")))
			lower(&limits->memory_bytes, rest);
	}
	if (file)
		(void)fclose(file); /* only read from */
}

static void read_memory(const struct hierarchy *h, struct cgroup_limits *limits)
{
	char line[64];
	lower(&limits->memory_bytes,
	      read_value(h, h->is_v2 ? "memory.max" : "memory.limit_in_bytes", line, sizeof(line)));
	if (!h->is_v2)
		read_hierarchical(h, limits);
}

/* From our group up to the mount point. */
static void walk_up(struct hierarchy *h, bool memory, bool cpu, struct cgroup_limits *limits)
{
	for (;;) {
		if (memory)
			read_memory(h, limits);
		if (cpu)
			read_cpus(h, limits);
		char *last = strrchr(h->group, '/');
		if (!last)
			return;
		*last = '\0';
	}
}

/* ---- mounts --------------------------------------------------------------------------------- */

static void read_mount(struct hierarchy *h, bool memory, bool cpu, struct slice mount_root,
		       struct cgroup_limits *limits)
{
	char path[PATH_MAX];
	const char *controller = h->is_v2 ? NULL : memory ? "memory" : "cpu";
	if (!find_path(h->root, controller, path, sizeof(path)))
		return;
	place_below(h, path, mount_root);
	walk_up(h, memory, cpu, limits);
}

/* One line, proc(5): id, parent, device, root, mount point, options, optional fields, "-", type,
 * source, options of the file system. */
static void read_mount_line(const char *root, char *line, struct cgroup_limits *limits)
{
	struct hierarchy h = {.root = root};
	struct slice fields[FIELDS_MAX];
	struct slice rest = line_of(line);
	for (size_t i = 0; i < FIELDS_MAX; i++)
		fields[i] = next_word(&rest, ' ');
	while (rest.len > 0 && !slice_equal(next_word(&rest, ' '), SLICE("-")))
		;
	struct slice type = next_word(&rest, ' ');
	(void)next_word(&rest, ' ');
	h.is_v2 = slice_equal(type, SLICE("cgroup2"));
	if (!h.is_v2 && !slice_equal(type, SLICE("cgroup")))
		return;
	bool memory = h.is_v2 || list_has(rest, "memory");
	bool cpu = h.is_v2 || list_has(rest, "cpu");
	struct slice mount_root =
		unescape(line + (fields[3].ptr - (const uint8_t *)line), fields[3].len);
	h.mount = unescape(line + (fields[4].ptr - (const uint8_t *)line), fields[4].len);
	if (memory || cpu)
		read_mount(&h, memory, cpu, mount_root, limits);
}

struct cgroup_limits cgroup_read_limits(const char *root)
{
	struct cgroup_limits limits = {.memory_bytes = UINT64_MAX, .cpus = UINT64_MAX};
	FILE *file = open_file(root, "/proc/self/mountinfo");
	char *line = NULL;
	size_t capacity = 0;
	while (file && getline(&line, &capacity, file) > 0)
		read_mount_line(root, line, &limits);
	free(line);
	if (file)
		(void)fclose(file); /* only read from */
	return limits;
}
