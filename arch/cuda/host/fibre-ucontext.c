// SPDX-License-Identifier: MIT
#include <stdint.h>
#include <ucontext.h>

#include "arch/cuda/host/fibre.h"

/* The context of a fibre lies at the low end of its stack; the scheduler's is static. */
static _Thread_local ucontext_t scheduler;

/* makecontext() passes ints only. */
static void begin(unsigned int entry_high, unsigned int entry_low, unsigned int arg_high,
		  unsigned int arg_low)
{
	uintptr_t entry = (uintptr_t)((uint64_t)entry_high << 32 | entry_low);
	uintptr_t arg = (uintptr_t)((uint64_t)arg_high << 32 | arg_low);

	((void (*)(void *))entry)((void *)arg);
}

void fibre_start(struct fibre *f, void (*entry)(void *arg), void *arg)
{
	uint64_t e = (uintptr_t)entry, a = (uintptr_t)arg;
	ucontext_t *u = f->stack;

	getcontext(u);
	u->uc_stack.ss_sp = u + 1;
	u->uc_stack.ss_size = f->stack_bytes - sizeof(*u);
	u->uc_link = NULL;
	makecontext(u, (void (*)(void))begin, 4, (unsigned int)(e >> 32), (unsigned int)e,
		    (unsigned int)(a >> 32), (unsigned int)a);
	f->context = u;
}

void fibre_swap(struct fibre *from, struct fibre *to)
{
	if (!from->context)
		from->context = &scheduler;
	swapcontext(from->context, to->context);
}
