/* SPDX-License-Identifier: MIT */
/*
 * Stores that go around the caches.
 *
 * A plain store to memory that is in no cache reads it first.  Where an array is far
 * larger than the caches and nobody reads it soon, that is a third of the traffic of a copy.
 */
#ifndef ARCH_CPU_STREAM_H
#define ARCH_CPU_STREAM_H

/** stream_vec - what one store moves; every processor of the architecture has such vectors. */
typedef float stream_vec __attribute__((vector_size(16)));

#if defined(__x86_64__)
#include <xmmintrin.h>

/** stream_store() - @to is aligned to 16 bytes. */
static inline void stream_store(stream_vec *to, stream_vec v)
{
	_mm_stream_ps((float *)to, v);
}

/** stream_end() - later stores of this thread come after the streamed ones. */
static inline void stream_end(void)
{
	_mm_sfence();
}
#else
static inline void stream_store(stream_vec *to, stream_vec v)
{
	*to = v;
}

static inline void stream_end(void)
{
}
#endif

#endif
