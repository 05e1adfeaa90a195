/* SPDX-License-Identifier: MIT */
#ifndef BASE_RELAX_H
#define BASE_RELAX_H

/** cpu_relax() - tell the processor that this is a loop that waits. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#endif
