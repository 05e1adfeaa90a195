// SPDX-License-Identifier: MIT
#include "ops/rules.h"

#include <string.h>

#include "base/fail.h"

int rule_f32(const char *op, const char *what, const struct layout *l)
{
	char text[SHAPE_TEXT];

	if (l->nd < 0)
		return fail(-EINVAL, "%s: %s is missing", op, what);
	if (l->dtype != DT_F32)
		return fail(-EINVAL, "%s: %s is %s: must be f32", op, what, layout_text(l, text));
	return 0;
}

int rule_real(const char *op, const char *what, const struct layout *l)
{
	char text[SHAPE_TEXT];

	if (l->nd < 0)
		return fail(-EINVAL, "%s: %s is missing", op, what);
	if (l->dtype != DT_F32 && l->dtype != DT_BF16)
		return fail(-EINVAL, "%s: %s is %s: must be f32 or bf16", op, what,
			    layout_text(l, text));
	return 0;
}

int rule_twin(const char *op, const char *what, const struct layout *l,
	      const char *like_what, const struct layout *like)
{
	char text[SHAPE_TEXT], want[SHAPE_TEXT];
	int ret = rule_real(op, what, l);

	if (!ret && (l->dtype != like->dtype || !layout_same_shape(l, like)))
		ret = fail(-EINVAL, "%s: %s is %s: must have the shape and type of %s, %s", op,
			   what, layout_text(l, text), like_what, layout_text(like, want));
	return ret;
}

int rule_like(const char *op, const char *what, const struct layout *l,
	      const char *like_what, const struct layout *like)
{
	char text[SHAPE_TEXT], want[SHAPE_TEXT];
	int ret = rule_f32(op, what, l);

	if (!ret && !layout_same_shape(l, like))
		ret = fail(-EINVAL, "%s: %s is %s: must have the shape of %s, %s", op, what,
			   layout_text(l, text), like_what, layout_text(like, want));
	return ret;
}

int rule_vector(const char *op, const char *what, const struct layout *l, int64_t n)
{
	char text[SHAPE_TEXT];
	int ret = rule_f32(op, what, l);

	if (!ret && (l->nd != 1 || l->n[0] != n))
		ret = fail(-EINVAL, "%s: %s is %s: must be f32 (%lld)", op, what,
			   layout_text(l, text), (long long)n);
	return ret;
}

int rule_scalar(const char *op, const char *what, const struct layout *l)
{
	char text[SHAPE_TEXT];
	int ret = rule_f32(op, what, l);

	if (!ret && layout_count(l) != 1)
		ret = fail(-EINVAL, "%s: %s is %s: must be a scalar", op, what,
			   layout_text(l, text));
	return ret;
}

int rule_mask(const char *op, const struct layout *mask, const struct layout *w)
{
	char text[SHAPE_TEXT], want[SHAPE_TEXT];

	if (mask->nd >= 0 && ((mask->dtype != DT_F32 && mask->dtype != DT_U8) ||
			      !layout_same_shape(mask, w)))
		return fail(-EINVAL, "%s: mask is %s: must be f32 or u8 of the shape of w, %s", op,
			    layout_text(mask, text), layout_text(w, want));
	return 0;
}

int rule_shadow(const char *op, const struct layout *shadow, const struct layout *w)
{
	char text[SHAPE_TEXT], want[SHAPE_TEXT];

	if (shadow->nd >= 0 && (shadow->dtype != DT_BF16 || !layout_same_shape(shadow, w)))
		return fail(-EINVAL, "%s: shadow is %s: must be bf16 of the shape of w, %s", op,
			    layout_text(shadow, text), layout_text(w, want));
	return 0;
}

int rule_rows(const char *op, const char *what, const struct layout *l)
{
	char text[SHAPE_TEXT];

	if (l->nd < 1)
		return fail(-EINVAL, "%s: %s is %s: must have at least one dimension", op, what,
			    layout_text(l, text));
	if (l->n[l->nd - 1] != 1 && l->stride[l->nd - 1] != 1)
		return fail(-EINVAL, "%s: %s, %s, is a view with gaps in its last dimension", op,
			    what, layout_text(l, text));
	return 0;
}

int rule_leading(const char *op, const char *what, const struct layout *l,
		 const char *like_what, const struct layout *like)
{
	struct layout want = rule_without_last(like);

	return rule_like(op, what, l, like_what, &want);
}

int rule_dim(const char *op, const char *what, const struct layout *l, int dim)
{
	char text[SHAPE_TEXT];

	if (dim < 0 || dim >= l->nd)
		return fail(-EINVAL, "%s: %s is %s: no dimension %d", op, what,
			    layout_text(l, text), dim);
	return 0;
}

bool rule_trailing(const struct layout *a, const struct layout *b)
{
	return b->nd <= a->nd &&
	       !memcmp(a->n + a->nd - b->nd, b->n, b->nd * sizeof(b->n[0]));
}

struct layout rule_without_last(const struct layout *l)
{
	return layout_make(l->dtype, l->nd ? l->nd - 1 : 0, l->n);
}

double rule_bytes(const struct layout *l, int nr)
{
	double bytes = 0;

	for (int i = 0; i < nr; i++)
		if (l[i].nd >= 0)
			bytes += (double)layout_bytes(&l[i]);
	return bytes;
}

const struct layout *rule_input(const struct layout *in, int nr_in, int i)
{
	static const struct layout absent = { .nd = -1 };

	return i < nr_in ? &in[i] : &absent;
}
