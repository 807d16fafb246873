/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of control groups, read from trees of files that look like a machine's. */
#include "pipeline/base/cgroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pipeline/base/compiler.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define NONE UINT64_MAX
#define V2 "30 23 0:26 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw\n"
#define V1_MEMORY "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
#define V1_CPU "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
#define HYBRID V1_MEMORY V1_CPU "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
#define GROUP "/sys/fs/cgroup"
#define SLICES GROUP "/system.slice"
#define UNIT SLICES "/sluice.service"

struct node {
	const char *path, *text;
};

enum { NODES_MAX = 8 };

static const struct {
	const char *name;
	struct node nodes[NODES_MAX];
	uint64_t memory_bytes, cpus;
} cases[] = {
	{"nothing is mounted", {{"/proc/self/cgroup", "0::/\n"}}, NONE, NONE},
	{"no /proc", {{UNIT "/memory.max", "1\n"}}, NONE, NONE},
	{"v2: our own group",
	 {{"/proc/self/mountinfo", V2},
	  {"/proc/self/cgroup", "0::/system.slice/sluice.service\n"},
	  {UNIT "/memory.max", "1000\n"},
	  {UNIT "/cpu.max", "150000 100000\n"}},
	 1000,
	 2},
	{"v2: the slice is smaller than the unit",
	 {{"/proc/self/mountinfo", V2},
	  {"/proc/self/cgroup", "0::/system.slice/sluice.service\n"},
	  {UNIT "/memory.max", "4000\n"},
	  {UNIT "/cpu.max", "max 100000\n"},
	  {SLICES "/memory.max", "3000\n"},
	  {SLICES "/cpu.max", "300000 100000\n"}},
	 3000,
	 3},
	{"v2: only a slice far above says something",
	 {{"/proc/self/mountinfo", V2},
	  {"/proc/self/cgroup", "0::/a.slice/a-b.slice/a-b-c.slice/x.scope\n"},
	  {GROUP "/a.slice/a-b.slice/a-b-c.slice/x.scope/memory.max", "max\n"},
	  {GROUP "/a.slice/a-b.slice/memory.max", "max\n"},
	  {GROUP "/a.slice/memory.max", "77\n"}},
	 77,
	 NONE},
	{"v2: a namespace shows / and the limit is at the mount point",
	 {{"/proc/self/mountinfo", V2},
	  {"/proc/self/cgroup", "0::/\n"},
	  {GROUP "/memory.max", "536870912\n"},
	  {GROUP "/cpu.max", "50000 100000\n"}},
	 536870912,
	 1},
	{"v2: the host's path, but the mount shows the container's group",
	 {{"/proc/self/mountinfo",
	   "30 23 0:26 /kubepods/pod1/c1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n"},
	  {"/proc/self/cgroup", "0::/kubepods/pod1/c1/inner\n"},
	  {GROUP "/inner/memory.max", "900\n"},
	  {GROUP "/memory.max", "800\n"}},
	 800,
	 NONE},
	{"v2: a root that is a prefix of another name is not ours",
	 {{"/proc/self/mountinfo", "30 23 0:26 /pod /sys/fs/cgroup ro - cgroup2 cgroup rw\n"},
	  {"/proc/self/cgroup", "0::/pod1\n"},
	  {GROUP "/1/memory.max", "1\n"},
	  {GROUP "/memory.max", "800\n"}},
	 800,
	 NONE},
	{"v2: a group outside of the namespace",
	 {{"/proc/self/mountinfo", V2},
	  {"/proc/self/cgroup", "0::/../sibling\n"},
	  {"/sys/fs/sibling/memory.max", "1\n"},
	  {GROUP "/memory.max", "800\n"}},
	 800,
	 NONE},
	{"v2: garbage, nothing and 0 are no limits",
	 {{"/proc/self/mountinfo", "x\n\n- -\n" V2},
	  {"/proc/self/cgroup", "\n:\n0:\n0::/a/b/c\n"},
	  {GROUP "/a/b/c/memory.max", "12k\n"},
	  {GROUP "/a/b/c/cpu.max", "100000 0\n"},
	  {GROUP "/a/b/memory.max", ""},
	  {GROUP "/a/b/cpu.max", "100000\n"},
	  {GROUP "/a/memory.max", "0\n"},
	  {GROUP "/a/cpu.max", "-1 100000\n"}},
	 NONE,
	 NONE},
	{"v1: the unit and its slice",
	 {{"/proc/self/mountinfo", V1_MEMORY V1_CPU},
	  {"/proc/self/cgroup", "5:cpu,cpuacct:/system.slice\n4:memory:/system.slice/u\n"},
	  {GROUP "/memory/system.slice/u/memory.limit_in_bytes", "9223372036854771712\n"},
	  {GROUP "/memory/system.slice/memory.limit_in_bytes", "2000\n"},
	  {GROUP "/cpu,cpuacct/system.slice/cpu.cfs_quota_us", "250000\n"},
	  {GROUP "/cpu,cpuacct/system.slice/cpu.cfs_period_us", "100000\n"}},
	 2000,
	 3},
	{"v1: a parent that cannot be seen",
	 {{"/proc/self/mountinfo",
	   "35 31 0:32 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"},
	  {"/proc/self/cgroup", "4:memory:/docker/x\n"},
	  {GROUP "/memory/memory.limit_in_bytes", "9000\n"},
	  {GROUP "/memory/memory.stat", "cache 1\nhierarchical_memory_limit 7000\nrss 2\n"}},
	 7000,
	 NONE},
	{"v1: no quota",
	 {{"/proc/self/mountinfo", V1_CPU},
	  {"/proc/self/cgroup", "5:cpu,cpuacct:/\n"},
	  {GROUP "/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"},
	  {GROUP "/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}},
	 NONE,
	 NONE},
	{"hybrid: each hierarchy has its own path",
	 {{"/proc/self/mountinfo", HYBRID},
	  {"/proc/self/cgroup", "4:memory:/m/n\n1:cpu,cpuacct:/c\n0::/u\n"},
	  {GROUP "/memory/m/memory.limit_in_bytes", "5000\n"},
	  {GROUP "/memory/u/memory.limit_in_bytes", "1\n"},
	  {GROUP "/cpu,cpuacct/c/cpu.cfs_quota_us", "400000\n"},
	  {GROUP "/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n"},
	  {GROUP "/unified/u/memory.max", "6000\n"}},
	 5000,
	 4},
	{"a mount point with a space",
	 {{"/proc/self/mountinfo", "30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n"},
	  {"/proc/self/cgroup", "0::/a\n"},
	  {"/my groups/a/memory.max", "5\n"}},
	 5,
	 NONE},
};

static void make_folders(char *path, size_t from)
{
	for (char *slash = strchr(path + from + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700); /* may be there */
		*slash = '/';
	}
}

static void write_node(const char *root, const struct node *node)
{
	char path[1024];
	(void)snprintf(path, sizeof(path), "%s%s", root, node->path);
	make_folders(path, strlen(root));
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	(void)fputs(node->text, file);
	assert_int_equal(fclose(file), 0);
}

static int remove_node(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void the_least_of_all_levels_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char root[] = "/tmp/sluice-cgroup-XXXXXX";
		assert_non_null(mkdtemp(root));
		for (size_t n = 0; n < NODES_MAX && cases[i].nodes[n].path; n++)
			write_node(root, &cases[i].nodes[n]);
		struct cgroup_limits limits = cgroup_read_limits(root);
		if (limits.memory_bytes != cases[i].memory_bytes || limits.cpus != cases[i].cpus)
			fail_msg("%s: %llu bytes, %llu CPUs", cases[i].name,
				 (unsigned long long)limits.memory_bytes,
				 (unsigned long long)limits.cpus);
		assert_int_equal(nftw(root, remove_node, 8, FTW_DEPTH | FTW_PHYS), 0);
	}
}

static void a_quota_is_rounded_up_to_whole_cpus(void **state)
{
	(void)state;
	static const struct {
		const char *quota, *period;
		uint64_t cpus;
	} quotas[] = {
		{"200000", "100000", 2}, {"150000", "100000", 2}, {"50000", "100000", 1},
		{"1", "100000", 1},	 {"max", "100000", NONE}, {"100000", "0", NONE},
		{"100000", "", NONE},	 {"", "", NONE},	  {"-1", "100000", NONE},
		{"100000", "x", NONE},	 {"400000", "100000", 4}, {"0", "100000", NONE},
	};
	for (size_t i = 0; i < ARRAY_COUNT(quotas); i++)
		assert_int_equal(
			cgroup_quota_cpus(slice_str(quotas[i].quota), slice_str(quotas[i].period)),
			quotas[i].cpus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_of_all_levels_holds),
		cmocka_unit_test(a_quota_is_rounded_up_to_whole_cpus),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
