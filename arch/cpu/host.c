// SPDX-License-Identifier: MIT
#include "arch/cpu/host.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arch/cpu/simd.h"

#define CGROUP_PATH 512

const char *host_numerics(const struct device *dev)
{
	static const char *const names[] = {
		[SIMD_LEVEL_PLAIN] = "plain",
		[SIMD_LEVEL_AVX2] = "avx2",
		[SIMD_LEVEL_AVX512] = "avx512",
		[SIMD_LEVEL_AVX512_BF16] = "avx512_bf16",
	};

	(void)dev;
	return names[simd_level()];
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The number behind @key at the start of a line of @path; SIZE_MAX if there is none. */
static size_t read_number(const char *path, const char *key)
{
	size_t len = strlen(key), value = SIZE_MAX;
	char line[256], *end;
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long n;

		if (strncmp(line, key, len))
			continue;
		n = strtoull(line + len, &end, 10);
		if (end != line + len)		/* "max": no limit */
			value = n < SIZE_MAX ? (size_t)n : SIZE_MAX;
		break;
	}
	if (f)
		fclose(f);
	return value;
}

static size_t system_available(void)
{
	size_t kib = read_number("/proc/meminfo", "MemAvailable:");

	return kib < SIZE_MAX >> 10 ? kib << 10 : SIZE_MAX;
}

/** struct cgroup_files - names of the same numbers in the two versions. */
struct cgroup_files {
	const char *entry;	/* in /proc/self/cgroup, before the path */
	const char *root, *limit, *usage, *cache;
};

static const struct cgroup_files cgroup_versions[] = {
	{ "0::", "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file " },
	{ ":memory:", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
	  "total_inactive_file " },
};

static size_t read_group(const struct cgroup_files *v, const char *group, const char *name,
			 const char *key)
{
	char path[CGROUP_PATH + 80];

	snprintf(path, sizeof(path), "%s%s/%s", v->root, group, name);
	return read_number(path, key);
}

/* What one group leaves. Files that were only read are given up when memory is short. */
static size_t group_available(const struct cgroup_files *v, const char *group)
{
	size_t limit = read_group(v, group, v->limit, ""), used, cache;

	if (limit == SIZE_MAX)
		return SIZE_MAX;
	used = read_group(v, group, v->usage, "");
	cache = read_group(v, group, "memory.stat", v->cache);
	if (used == SIZE_MAX)
		return limit;
	if (cache != SIZE_MAX)
		used -= least(cache, used);
	return limit - least(used, limit);
}

/* A limit of any group above counts as well; inside a container the root is all one sees. */
static size_t cgroup_available(const struct cgroup_files *v)
{
	char line[CGROUP_PATH], *group = NULL, *slash;
	FILE *f = fopen("/proc/self/cgroup", "re");
	size_t room;

	while (f && !group && fgets(line, sizeof(line), f)) {
		group = strstr(line, v->entry);
		if (group)
			group += strlen(v->entry);
	}
	if (f)
		fclose(f);
	if (!group)
		return SIZE_MAX;
	group[strcspn(group, "\n")] = '\0';
	room = group_available(v, "");
	while ((slash = strrchr(group, '/')) && slash[1]) {
		room = least(room, group_available(v, group));
		*slash = '\0';
	}
	return room;
}

static size_t limit_available(void)
{
	size_t pages = read_number("/proc/self/statm", "");
	long page = sysconf(_SC_PAGESIZE);
	struct rlimit limit;
	size_t used;

	if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	used = pages < SIZE_MAX && page > 0 ? pages * (size_t)page : 0;
	return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

size_t host_available(const struct device *dev)
{
	size_t room = least(system_available(), limit_available());

	(void)dev;
	for (size_t i = 0; i < sizeof(cgroup_versions) / sizeof(cgroup_versions[0]); i++)
		room = least(room, cgroup_available(&cgroup_versions[i]));
	return room;
}
