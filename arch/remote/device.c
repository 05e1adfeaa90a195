// SPDX-License-Identifier: MIT
/*
 * The test arch `remote`: the CPU's kernels on memory that nobody else can touch.
 *
 * Memory lies in one reserved range that is PROT_NONE except inside run(), and inside
 * the copies, which stand for a bus.  Code that reads or writes a tensor's bytes from
 * outside dies of SIGSEGV, so whatever passes here works with a real device.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/cpu/host.h"
#include "arch/cpu/measure.h"
#include "base/fail.h"
#include "tensor/arch.h"
#include "tensor/op.h"

#define RANGE ((size_t)1 << 36)		/* address space only: nothing is committed */

/* A range in use; the list is in order of address. */
struct range {
	struct range *next;
	size_t at, bytes;
};

struct remote {
	char *base;
	size_t top;		/* highest byte in use: what run() has to open */
	struct range *used;
};

static int remote_probe(struct device *dev, int index)
{
	struct remote *r;

	if (index)
		return fail(-ENODEV, "remote:%d: there is one remote device", index);
	r = calloc(1, sizeof(*r));
	if (!r)
		return fail_nomem(sizeof(*r), "a device");
	r->base = mmap(NULL, RANGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->base == MAP_FAILED) {
		free(r);
		return fail_errno("remote: cannot reserve %zu GiB of address space", RANGE >> 30);
	}
	/* Small pages would make mprotect() at each kernel cost more than the kernel. */
	madvise(r->base, RANGE, MADV_HUGEPAGE);
	dev->context = r;
	return 0;
}

static void remote_release(struct device *dev)
{
	struct remote *r = dev->context;

	for (struct range *u = r->used, *next; u; u = next) {
		next = u->next;
		free(u);
	}
	munmap(r->base, RANGE);
	free(r);
}

static int open_range(struct remote *r, int protection)
{
	if (r->top && mprotect(r->base, r->top, protection))
		return fail_errno("remote: mprotect");
	return 0;
}

static size_t top_of(const struct remote *r)
{
	size_t top = 0;

	for (const struct range *u = r->used; u; u = u->next)
		top = u->at + u->bytes;
	return top;
}

/* First fit, a guard page between neighbours. */
static int remote_alloc(struct device *dev, size_t bytes, void **address)
{
	struct remote *r = dev->context;
	struct range **link = &r->used, *u = calloc(1, sizeof(*u));
	size_t page = (size_t)sysconf(_SC_PAGESIZE), at = 0;

	if (!u)
		return fail_nomem(sizeof(*u), "tensors");
	bytes = (bytes + page - 1) & ~(page - 1);
	while (*link && (*link)->at < at + bytes + page) {
		at = (*link)->at + (*link)->bytes + page;
		link = &(*link)->next;
	}
	if (at + bytes > RANGE) {
		free(u);
		return fail_nomem(bytes, "tensors");
	}
	*u = (struct range){ .next = *link, .at = at, .bytes = bytes };
	*link = u;
	r->top = top_of(r);
	*address = r->base + at;
	return 0;
}

static void remote_free(struct device *dev, void *address, size_t bytes)
{
	struct remote *r = dev->context;
	size_t at = (char *)address - r->base;

	(void)bytes;
	for (struct range **link = &r->used; *link; link = &(*link)->next) {
		struct range *u = *link;

		if (u->at != at)
			continue;
		*link = u->next;
		/* Fresh zero pages for the next user, as alloc() promises. */
		madvise(r->base + u->at, u->bytes, MADV_DONTNEED);
		free(u);
		break;
	}
	r->top = top_of(r);
}

static int remote_move(struct device *dev, void *to, const void *from, size_t n)
{
	int ret = open_range(dev->context, PROT_READ | PROT_WRITE);

	if (ret)
		return ret;
	memmove(to, from, n);
	return open_range(dev->context, PROT_NONE);
}

static int remote_write(struct device *dev, struct stream *s, void *to, const void *host, size_t n)
{
	(void)s;
	return remote_move(dev, to, host, n);
}

static int remote_read(struct device *dev, struct stream *s, void *host, const void *from, size_t n)
{
	(void)s;
	return remote_move(dev, host, from, n);
}

static int remote_copy(struct device *dev, struct stream *s, void *to, const void *from, size_t n)
{
	(void)s;
	return remote_move(dev, to, from, n);
}

static int remote_fill(struct device *dev, struct stream *s, void *to, int byte, size_t n)
{
	int ret = open_range(dev->context, PROT_READ | PROT_WRITE);

	(void)s;
	if (ret)
		return ret;
	memset(to, byte, n);
	return open_range(dev->context, PROT_NONE);
}

static int remote_run(struct device *dev, struct stream *s, const struct kernel *k, struct call *c)
{
	int ret = open_range(dev->context, PROT_READ | PROT_WRITE), closed;

	(void)s;
	if (ret)
		return ret;
	ret = k->run(c);
	closed = open_range(dev->context, PROT_NONE);
	return ret ? ret : closed;
}

static size_t remote_available(const struct device *dev)
{
	const struct remote *r = dev->context;
	size_t host = host_available(dev);

	return host < RANGE - r->top ? host : RANGE - r->top;
}

static const struct arch remote = {
	.name = "remote",
	.summary = "the processors on memory that only kernels may touch, for tests",
	.kernels = "cpu",
	.probe = remote_probe,
	.release = remote_release,
	.alloc = remote_alloc,
	.free = remote_free,
	.write = remote_write,
	.read = remote_read,
	.copy = remote_copy,
	.fill = remote_fill,
	.run = remote_run,
	.numerics = host_numerics,
	.available = remote_available,
	.measure = IS_ENABLED(CONFIG_MEASURE) ? host_measure : NULL,
};
ARCH_REGISTER(remote);
