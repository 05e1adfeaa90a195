/* SPDX-License-Identifier: MIT */
/*
 * What every CUDA source includes, for a GPU (nvcc) as for the host (C++).
 *
 * To be compiled both ways, kernels say
 *
 *	KLAUNCH(kernel, (grid), (block), shared_bytes, arguments...)	for <<< >>>
 *	SHARED(float, name, count)		for __shared__ float name[count]
 *	SHARED_DYNAMIC(float, name)		for extern __shared__ float name[]
 *
 * and otherwise write CUDA.  Launches are queued on the stream that the device's run()
 * was given; KLAUNCH returns 0 or -errno with a message.  Sums go in a fixed order: no
 * atomic additions of floats.
 */
#ifndef ARCH_CUDA_CUDA_H
#define ARCH_CUDA_CUDA_H

#ifdef __CUDACC__
#include <cuda_runtime.h>

extern "C" {
/** cuda_stream() - the stream of the kernel that is being run. */
cudaStream_t cuda_stream(void);
/** cuda_launched() - did the last launch, of @kernel, go well? 0 or -errno. */
int cuda_launched(const char *kernel);
}

#define KLAUNCH(kernel, grid, block, shared_bytes, ...)				\
	(kernel<<<dim3 grid, dim3 block, shared_bytes, cuda_stream()>>>(__VA_ARGS__), \
	 cuda_launched(#kernel))
#define SHARED(type, name, count) __shared__ type name[count]
#define SHARED_DYNAMIC(type, name)						\
	extern __shared__ __align__(16) unsigned char cuda_dynamic[];		\
	type *const name = (type *)cuda_dynamic
#else
#include "arch/cuda/host/cuda-host.h"
#endif

/* C allows a function and a struct of one name, and descriptors that leave fields out. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include "base/fail.h"
#include "tensor/op.h"
}
#pragma GCC diagnostic pop

#endif
