// SPDX-License-Identifier: MIT
/*
 * The arch `cuda`: NVIDIA GPUs through the CUDA runtime, which is linked in statically and
 * finds out at run time whether there is a driver.
 */
#include <cuda_runtime_api.h>

#include "base/fail.h"
#include "tensor/arch.h"
#include "tensor/op.h"

cudaStream_t cuda_stream(void);
int cuda_launched(const char *kernel);

static _Thread_local cudaStream_t stream_now;

static int check(cudaError_t error, const char *what)
{
	if (error == cudaSuccess)
		return 0;
	return fail(error == cudaErrorMemoryAllocation ? -ENOMEM : -EIO, "cuda: %s: %s", what,
		    cudaGetErrorString(error));
}

cudaStream_t cuda_stream(void)
{
	return stream_now;
}

int cuda_launched(const char *kernel)
{
	return check(cudaGetLastError(), kernel);
}

static cudaStream_t native(struct stream *s)
{
	return (cudaStream_t)s;
}

static int use(const struct device *dev)
{
	return check(cudaSetDevice(dev->index), "cudaSetDevice");
}

static int cuda_probe(struct device *dev, int index)
{
	int nr = 0;
	cudaError_t error = cudaGetDeviceCount(&nr);

	if (error != cudaSuccess)
		return fail(-ENODEV, "cuda: %s", cudaGetErrorString(error));
	if (index >= nr)
		return fail(-ENODEV, "cuda:%d: this machine has %d GPUs", index, nr);
	dev->index = index;
	return use(dev);
}

static int cuda_alloc(struct device *dev, size_t bytes, void **address)
{
	int ret = use(dev);

	if (!ret)
		ret = check(cudaMalloc(address, bytes), "cudaMalloc");
	return ret ? ret : check(cudaMemset(*address, 0, bytes), "cudaMemset");
}

static void cuda_free(struct device *dev, void *address, size_t bytes)
{
	if (!use(dev))
		check(cudaFree(address), "cudaFree");
}

static int cuda_move(struct device *dev, struct stream *s, void *to, const void *from, size_t n,
		     enum cudaMemcpyKind kind)
{
	int ret = use(dev);

	return ret ? ret : check(cudaMemcpyAsync(to, from, n, kind, native(s)), "cudaMemcpy");
}

static int cuda_write(struct device *dev, struct stream *s, void *to, const void *host, size_t n)
{
	return cuda_move(dev, s, to, host, n, cudaMemcpyHostToDevice);
}

static int cuda_read(struct device *dev, struct stream *s, void *host, const void *from, size_t n)
{
	return cuda_move(dev, s, host, from, n, cudaMemcpyDeviceToHost);
}

static int cuda_copy(struct device *dev, struct stream *s, void *to, const void *from, size_t n)
{
	return cuda_move(dev, s, to, from, n, cudaMemcpyDeviceToDevice);
}

static int cuda_fill(struct device *dev, struct stream *s, void *to, int byte, size_t n)
{
	int ret = use(dev);

	return ret ? ret : check(cudaMemsetAsync(to, byte, n, native(s)), "cudaMemset");
}

static int cuda_run(struct device *dev, struct stream *s, const struct kernel *k, struct call *c)
{
	int ret = use(dev);

	stream_now = native(s);
	return ret ? ret : k->run(c);
}

static int cuda_stream_new(struct device *dev, struct stream **s)
{
	cudaStream_t made;
	int ret = use(dev);

	if (!ret)
		ret = check(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking),
			    "cudaStreamCreate");
	if (!ret)
		*s = (struct stream *)made;
	return ret;
}

static void cuda_stream_free(struct device *dev, struct stream *s)
{
	check(cudaStreamDestroy(native(s)), "cudaStreamDestroy");
}

static int cuda_stream_sync(struct device *dev, struct stream *s)
{
	int ret = use(dev);

	return ret ? ret : check(cudaStreamSynchronize(native(s)), "cudaStreamSynchronize");
}

static int cuda_event_new(struct device *dev, struct event **e)
{
	cudaEvent_t made;
	int ret = use(dev);

	if (!ret)
		ret = check(cudaEventCreateWithFlags(&made, cudaEventDisableTiming),
			    "cudaEventCreate");
	if (!ret)
		*e = (struct event *)made;
	return ret;
}

static void cuda_event_free(struct device *dev, struct event *e)
{
	check(cudaEventDestroy((cudaEvent_t)e), "cudaEventDestroy");
}

static int cuda_event_record(struct device *dev, struct event *e, struct stream *s)
{
	return check(cudaEventRecord((cudaEvent_t)e, native(s)), "cudaEventRecord");
}

static int cuda_stream_wait(struct device *dev, struct stream *s, struct event *e)
{
	return check(cudaStreamWaitEvent(native(s), (cudaEvent_t)e, 0), "cudaStreamWaitEvent");
}

static const struct arch cuda = {
	.name = "cuda",
	.summary = "NVIDIA GPUs",
	.kernels = "cuda",
	.probe = cuda_probe,
	.alloc = cuda_alloc,
	.free = cuda_free,
	.write = cuda_write,
	.read = cuda_read,
	.copy = cuda_copy,
	.fill = cuda_fill,
	.run = cuda_run,
	.stream_new = cuda_stream_new,
	.stream_free = cuda_stream_free,
	.stream_sync = cuda_stream_sync,
	.event_new = cuda_event_new,
	.event_free = cuda_event_free,
	.event_record = cuda_event_record,
	.stream_wait = cuda_stream_wait,
};
ARCH_REGISTER(cuda);
