/* SPDX-License-Identifier: MIT */
/*
 * Copies between layouts.
 */
#ifndef ARCH_CPU_COPY_H
#define ARCH_CPU_COPY_H

#include "tensor/shape.h"

/**
 * copy_layout() - copy all elements from one layout to another of equal sizes and type.
 * @to, @from: the first elements (offsets of the layouts are not added)
 */
void copy_layout(void *to, const struct layout *to_layout, const void *from,
		 const struct layout *from_layout);

#endif
