/* SPDX-License-Identifier: MIT */
#ifndef OPS_ACTIVATION_H
#define OPS_ACTIVATION_H

/** enum activation - of an MLP; the gated ones combine two projections. */
enum activation {
	ACT_NONE,
	ACT_GELU,	/* tanh form, as GPT-2 */
	ACT_GELU_EXACT,
	ACT_SILU,
	ACT_RELU2,
	ACT_SWIGLU,	/* gated: silu(gate) * up */
	ACT_GEGLU,	/* gated: gelu(gate) * up */
};

#endif
