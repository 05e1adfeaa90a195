/* SPDX-License-Identifier: MIT */
/*
 * Sums and maxima over the threads of a block, in a fixed order.  Every thread of the
 * block must call them, and the number of threads must be a multiple of 32.  All threads
 * get the result.
 */
#ifndef ARCH_CUDA_REDUCE_H
#define ARCH_CUDA_REDUCE_H

#include "arch/cuda/cuda.h"

#define WARP 32
#define ALL_LANES 0xffffffffu

struct add {
	static __device__ __forceinline__ float apply(float a, float b) { return a + b; }
	static __device__ __forceinline__ float identity() { return 0; }
};

struct larger {
	static __device__ __forceinline__ float apply(float a, float b) { return a > b ? a : b; }
	static __device__ __forceinline__ float identity() { return -INFINITY; }
};

template <typename Op>
static __device__ __forceinline__ float warp_reduce(float x)
{
	for (int distance = WARP / 2; distance; distance /= 2)
		x = Op::apply(x, __shfl_xor_sync(ALL_LANES, x, distance));
	return x;
}

template <typename Op>
static __device__ __forceinline__ float block_reduce(float x)
{
	SHARED(float, part, WARP);
	int lane = threadIdx.x % WARP, nr_warps = blockDim.x / WARP;

	x = warp_reduce<Op>(x);
	if (lane == 0)
		part[threadIdx.x / WARP] = x;
	__syncthreads();
	x = warp_reduce<Op>(lane < nr_warps ? part[lane] : Op::identity());
	__syncthreads();	/* part[] may be written again */
	return x;
}

static __device__ __forceinline__ float block_sum(float x)
{
	return block_reduce<add>(x);
}

static __device__ __forceinline__ float block_max(float x)
{
	return block_reduce<larger>(x);
}

/* Is @condition true in any thread? */
static __device__ __forceinline__ bool block_any(bool condition)
{
	SHARED(unsigned int, part, WARP);
	int lane = threadIdx.x % WARP, nr_warps = blockDim.x / WARP;
	unsigned int votes = __ballot_sync(ALL_LANES, condition);

	if (lane == 0)
		part[threadIdx.x / WARP] = votes;
	__syncthreads();
	votes = __ballot_sync(ALL_LANES, lane < nr_warps && part[lane]);
	__syncthreads();
	return votes != 0;
}

#endif
