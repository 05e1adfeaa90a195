// SPDX-License-Identifier: MIT
#include <stdint.h>

#include "arch/cuda/host/fibre.h"

/*
 * fibre_registers(from, to): push what the System V ABI lets a callee keep, store the stack
 * pointer in *from, take it from *to, pop.  The control words of the floating-point units
 * are left alone: no kernel changes them.
 */
void fibre_registers(void **from, void **to);
void fibre_trampoline(void);
__asm__(
"	.text\n"
"	.globl	fibre_registers\n"
"	.type	fibre_registers, @function\n"
"fibre_registers:\n"
"	pushq	%rbp\n"
"	pushq	%rbx\n"
"	pushq	%r12\n"
"	pushq	%r13\n"
"	pushq	%r14\n"
"	pushq	%r15\n"
"	movq	%rsp, (%rdi)\n"
"	movq	(%rsi), %rsp\n"
"	popq	%r15\n"
"	popq	%r14\n"
"	popq	%r13\n"
"	popq	%r12\n"
"	popq	%rbx\n"
"	popq	%rbp\n"
"	ret\n"
"	.size	fibre_registers, . - fibre_registers\n"
"	.globl	fibre_trampoline\n"
"	.type	fibre_trampoline, @function\n"
"fibre_trampoline:\n"
"	movq	%r12, %rdi\n"
"	xorl	%ebp, %ebp\n"
"	callq	*%r13\n"
"	ud2\n"
"	.size	fibre_trampoline, . - fibre_trampoline\n"
);

void fibre_start(struct fibre *f, void (*entry)(void *arg), void *arg)
{
	uintptr_t top = ((uintptr_t)f->stack + f->stack_bytes) & ~(uintptr_t)15;
	void **sp = (void **)top - 9;

	/* In the order in which they are popped; in the trampoline rsp is &sp[7], 16-aligned. */
	sp[0] = sp[1] = NULL;			/* r15, r14 */
	sp[2] = (void *)(uintptr_t)entry;	/* r13 */
	sp[3] = arg;				/* r12 */
	sp[4] = sp[5] = NULL;			/* rbx, rbp */
	sp[6] = (void *)(uintptr_t)fibre_trampoline;
	sp[7] = NULL;
	f->context = sp;
}

void fibre_swap(struct fibre *from, struct fibre *to)
{
	fibre_registers(&from->context, &to->context);
}
