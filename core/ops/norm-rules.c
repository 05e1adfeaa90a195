// SPDX-License-Identifier: MIT
#include "ops/norm-rules.h"

#include "base/fail.h"
#include "ops/rules.h"

int norm_rows(const char *op, const struct layout *x, enum dtype out)
{
	int ret = rule_real(op, "x", x);

	if (!ret)
		ret = rule_rows(op, "x", x);
	if (!ret && out != DT_F32 && out != DT_BF16)
		ret = fail(-EINVAL, "%s: y is to be of type %d: must be f32 or bf16", op, (int)out);
	return ret;
}

struct layout norm_statistic(const struct layout *x)
{
	struct layout l = rule_without_last(x);

	l.dtype = DT_F32;
	return l;
}

static int same_shape(const char *op, const char *what, const struct layout *l,
		      const struct layout *x)
{
	char text[SHAPE_TEXT], want[SHAPE_TEXT];
	int ret = rule_real(op, what, l);

	if (!ret && !layout_same_shape(l, x))
		ret = fail(-EINVAL, "%s: %s is %s: must have the shape of x, %s", op, what,
			   layout_text(l, text), layout_text(x, want));
	return ret;
}

int norm_sum(const char *op, const struct layout *x, const struct layout *branch,
	     struct layout *sum)
{
	int ret = rule_f32(op, "x", x);

	*sum = layout_like(x, DT_F32);
	return ret ? ret : same_shape(op, "branch", branch, x);
}

int norm_grad(const char *op, const struct layout *dy, const struct layout *x,
	      const struct layout *w, const struct layout *dsum, struct layout *out)
{
	int ret = norm_rows(op, x, DT_F32);

	if (!ret)
		ret = same_shape(op, "dy", dy, x);
	if (!ret)
		ret = rule_vector(op, "w", w, layout_last(x));
	if (!ret && dsum->nd >= 0)
		ret = rule_twin(op, "dsum", dsum, "x", x);
	if (ret)
		return ret;
	out[0] = layout_like(x, x->dtype);
	out[1] = layout_make(DT_F32, 1, &x->n[x->nd - 1]);
	return 0;
}
