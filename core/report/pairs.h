/* SPDX-License-Identifier: MIT */
/*
 * Pairs: the same thing measured twice, on either side, joined by a line.
 */
#ifndef REPORT_PAIRS_H
#define REPORT_PAIRS_H

#include "base/strbuf.h"

/**
 * struct pairs - what to draw.
 * @side: what stands left and right
 * @colour: of their dots
 * @label: (nr) of the pairs: "seed 3"
 * @value: (nr) each, NaN: none
 */
struct pairs {
	const char *title, *unit;
	const char *side[2];
	int colour[2];
	char *const *label;
	const double *value[2];
	int nr;
	int width, height;
};

/** pairs_draw() - append them as an <svg>; without any pair it says so. 0 or -ENOMEM. */
int pairs_draw(const struct pairs *p, struct strbuf *out);

#endif
