/* SPDX-License-Identifier: MIT */
#ifndef FIM_INNER_H
#define FIM_INNER_H

#include <stdint.h>

/**
 * inner_pair() - what two matrices hold beyond their rows and columns.
 * @a, @b: (rows, columns), none below 0; replaced by log F - row mean - column mean + mean
 * @rows, @columns: become what is left of them
 *
 * Rows and columns that are all 0 in either matrix are left out of both: nothing is known of
 * them.  Other zeros count as half of the smallest element above 0 of their matrix.
 * Return: 0 or -ENOMEM; the arrays stay the caller's.
 */
int inner_pair(float **a, float **b, int64_t *rows, int64_t *columns);

#endif
