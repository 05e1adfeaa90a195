// SPDX-License-Identifier: MIT
/*
 * The arch `cuda-host`: CUDA kernels on this machine's memory.
 *
 * cuda-host:1 runs the threads of a block in reverse, cuda-host:2 in random order.
 */
#include <stdlib.h>
#include <string.h>

#include "arch/cuda/host/cuda-host.h"
#include "base/fail.h"
#include "tensor/arch.h"
#include "tensor/op.h"

static int host_probe(struct device *dev, int index)
{
	if (index > CUDA_HOST_RANDOM)
		return fail(-ENODEV, "cuda-host:%d: there are 0 (threads in order), 1 (reverse) "
			    "and 2 (random)", index);
	return 0;
}

static int host_alloc(struct device *dev, size_t bytes, void **address)
{
	if (posix_memalign(address, 256, bytes))
		return fail_nomem(bytes, "tensors");
	memset(*address, 0, bytes);
	return 0;
}

static void host_free(struct device *dev, void *address, size_t bytes)
{
	free(address);
}

static int host_write(struct device *dev, struct stream *s, void *to, const void *host, size_t n)
{
	memcpy(to, host, n);
	return 0;
}

static int host_read(struct device *dev, struct stream *s, void *host, const void *from, size_t n)
{
	memcpy(host, from, n);
	return 0;
}

static int host_copy(struct device *dev, struct stream *s, void *to, const void *from, size_t n)
{
	memmove(to, from, n);
	return 0;
}

static int host_fill(struct device *dev, struct stream *s, void *to, int byte, size_t n)
{
	memset(to, byte, n);
	return 0;
}

static int host_run(struct device *dev, struct stream *s, const struct kernel *k, struct call *c)
{
	cuda_host_set_order((enum cuda_host_order)dev->index);
	return k->run(c);
}

static const struct arch cuda_host = {
	.name = "cuda-host",
	.summary = "CUDA kernels on this machine's processors, for tests",
	.kernels = "cuda",
	.probe = host_probe,
	.alloc = host_alloc,
	.free = host_free,
	.write = host_write,
	.read = host_read,
	.copy = host_copy,
	.fill = host_fill,
	.run = host_run,
};
ARCH_REGISTER(cuda_host);
