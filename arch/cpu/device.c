// SPDX-License-Identifier: MIT
/*
 * The arch `cpu`: memory is the host's, a kernel is a function call.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/cpu/host.h"
#include "arch/cpu/measure.h"
#include "arch/cpu/simd.h"
#include "base/fail.h"
#include "tensor/arch.h"
#include "tensor/op.h"

#define HUGE_PAGE ((size_t)2 << 20)
#define LARGE (2 * HUGE_PAGE)

/*
 * Large blocks come from the system, which zeroes pages when they are first used, in huge
 * pages where it has them: matrix products walk through more small pages than a TLB holds.
 */
static int large_alloc(size_t bytes, void **address)
{
	size_t whole = bytes + HUGE_PAGE, skip, rest;
	char *at = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return fail_nomem(bytes, "tensors");
	skip = -(uintptr_t)at % HUGE_PAGE;
	rest = (HUGE_PAGE - skip) & -(size_t)getpagesize();
	if (skip)
		munmap(at, skip);
	if (rest)
		munmap(at + whole - rest, rest);
	*address = at + skip;
	madvise(*address, bytes, MADV_HUGEPAGE);	/* without it: slower, the same result */
	return 0;
}

static int cpu_alloc(struct device *dev, size_t bytes, void **address)
{
	(void)dev;
	if (bytes >= LARGE)
		return large_alloc(bytes, address);
	if (posix_memalign(address, 64, bytes))
		return fail_nomem(bytes, "tensors");
	memset(*address, 0, bytes);
	return 0;
}

static void cpu_free(struct device *dev, void *address, size_t bytes)
{
	size_t page = getpagesize();

	(void)dev;
	if (bytes >= LARGE)
		munmap(address, (bytes + page - 1) & -page);
	else
		free(address);
}

static int cpu_write(struct device *dev, struct stream *s, void *to, const void *host, size_t n)
{
	(void)dev;
	(void)s;
	memcpy(to, host, n);
	return 0;
}

static int cpu_read(struct device *dev, struct stream *s, void *host, const void *from, size_t n)
{
	(void)dev;
	(void)s;
	memcpy(host, from, n);
	return 0;
}

static int cpu_copy(struct device *dev, struct stream *s, void *to, const void *from, size_t n)
{
	(void)dev;
	(void)s;
	memmove(to, from, n);
	return 0;
}

static int cpu_fill(struct device *dev, struct stream *s, void *to, int byte, size_t n)
{
	(void)dev;
	(void)s;
	memset(to, byte, n);
	return 0;
}

static int cpu_map(struct device *dev, const void *host, size_t bytes, void **address)
{
	(void)dev;
	(void)bytes;
	*address = (void *)host;
	return 0;
}

static int cpu_run(struct device *dev, struct stream *s, const struct kernel *k, struct call *c)
{
	(void)dev;
	(void)s;
	return k->run(c);
}

static bool cpu_has(const struct device *dev, const char *feature)
{
	(void)dev;
	if (!strcmp(feature, "avx2"))
		return simd_level() >= SIMD_LEVEL_AVX2;
	return !strcmp(feature, "avx512") && simd_level() >= SIMD_LEVEL_AVX512;
}

static const struct arch cpu = {
	.name = "cpu",
	.summary = "this machine's processors",
	.kernels = "cpu",
	.is_reference = true,
	.has = cpu_has,
	.alloc = cpu_alloc,
	.free = cpu_free,
	.write = cpu_write,
	.read = cpu_read,
	.copy = cpu_copy,
	.fill = cpu_fill,
	.map = cpu_map,
	.run = cpu_run,
	.numerics = host_numerics,
	.available = host_available,
	.measure = IS_ENABLED(CONFIG_MEASURE) ? host_measure : NULL,
};
ARCH_REGISTER(cpu);
