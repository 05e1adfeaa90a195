/* SPDX-License-Identifier: MIT */
/*
 * Fibres: stacks that the program switches between by itself, one per CUDA thread.
 *
 * fibre-x86_64.c saves the registers that a call preserves, 20 instructions; elsewhere
 * fibre-ucontext.c, ten times slower, since swapcontext() makes a system call.
 */
#ifndef ARCH_CUDA_HOST_FIBRE_H
#define ARCH_CUDA_HOST_FIBRE_H

#include <stddef.h>

/**
 * struct fibre - a stack and where it was left.
 * @context: the stack pointer, or the address of a ucontext_t
 */
struct fibre {
	void *context;
	void *stack;
	size_t stack_bytes;
};

/** fibre_start() - the next switch to @f calls @entry(@arg), which must never return. */
void fibre_start(struct fibre *f, void (*entry)(void *arg), void *arg);

/** fibre_swap() - leave @from, go on where @to was left. */
void fibre_swap(struct fibre *from, struct fibre *to);

#endif
