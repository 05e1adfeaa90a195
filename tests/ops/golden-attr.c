// SPDX-License-Identifier: MIT
/*
 * Attribute structs from JSON: the one place in the tests that knows their members.
 */
#include <stddef.h>
#include <string.h>

#include "base/fail.h"
#include "golden.h"
#include "io/json.h"
#include "ops/accumulate.h"
#include "ops/adamw.h"
#include "ops/attention.h"
#include "ops/broadcast-to.h"
#include "ops/cast.h"
#include "ops/clip-scale.h"
#include "ops/concat.h"
#include "ops/dropout.h"
#include "ops/embedding.h"
#include "ops/fill-like.h"
#include "ops/gelu.h"
#include "ops/glu.h"
#include "ops/layernorm.h"
#include "ops/linear-cross-entropy.h"
#include "ops/linear.h"
#include "ops/merge-dims.h"
#include "ops/muon.h"
#include "ops/pad-slice.h"
#include "ops/rmsnorm.h"
#include "ops/rope.h"
#include "ops/scale.h"
#include "ops/sgd.h"
#include "ops/slice.h"
#include "ops/softcap.h"
#include "ops/split-dim.h"
#include "ops/sum-to.h"
#include "ops/transpose.h"

enum kind { KIND_FLOAT, KIND_DOUBLE, KIND_BOOL, KIND_INT, KIND_INT64, KIND_UINT64 };

struct member {
	const char *name;
	size_t at;
	enum kind kind;
};

#define MEMBER(type, m)								\
	{ #m, offsetof(struct type, m),						\
	  _Generic(((struct type *)0)->m, float: KIND_FLOAT, double: KIND_DOUBLE,	\
		   bool: KIND_BOOL, int: KIND_INT, unsigned int: KIND_INT,	\
		   int64_t: KIND_INT64, uint64_t: KIND_UINT64) }
#define SCALING(type, at)							\
	MEMBER(type, at.kind), MEMBER(type, at.factor), MEMBER(type, at.low),	\
	MEMBER(type, at.high), MEMBER(type, at.original)
#define MEMBERS_MAX 16

static const struct attr_type {
	const char *op;
	size_t size;
	struct member member[MEMBERS_MAX];	/* ends with name = NULL, or full */
} types[] = {
	{ "accumulate", sizeof(struct accumulate_attr), { MEMBER(accumulate_attr, always_add) } },
	{ "adamw", sizeof(struct adamw_attr),
	  { MEMBER(adamw_attr, beta1), MEMBER(adamw_attr, beta2), MEMBER(adamw_attr, eps),
	    MEMBER(adamw_attr, weight_decay) } },
	{ "adamw_shadow", sizeof(struct adamw_attr),
	  { MEMBER(adamw_attr, beta1), MEMBER(adamw_attr, beta2), MEMBER(adamw_attr, eps),
	    MEMBER(adamw_attr, weight_decay) } },
	{ "add_layernorm", sizeof(struct layernorm_attr),
	  { MEMBER(layernorm_attr, eps), MEMBER(layernorm_attr, out) } },
	{ "add_rmsnorm", sizeof(struct rmsnorm_attr),
	  { MEMBER(rmsnorm_attr, eps), MEMBER(rmsnorm_attr, out) } },
	{ "attention", sizeof(struct attention_attr),
	  { MEMBER(attention_attr, scale), MEMBER(attention_attr, causal),
	    MEMBER(attention_attr, window), MEMBER(attention_attr, softcap),
	    MEMBER(attention_attr, rope.base),
	    MEMBER(attention_attr, rope.rotary_dims), MEMBER(attention_attr, rope.adjacent),
	    MEMBER(attention_attr, rope.inverse), SCALING(attention_attr, rope.scaling) } },
	{ "attention_grad_packed", sizeof(struct attention_attr),
	  { MEMBER(attention_attr, scale), MEMBER(attention_attr, causal),
	    MEMBER(attention_attr, window), MEMBER(attention_attr, softcap),
	    MEMBER(attention_attr, rope.base),
	    MEMBER(attention_attr, rope.rotary_dims), MEMBER(attention_attr, rope.adjacent),
	    MEMBER(attention_attr, rope.inverse), SCALING(attention_attr, rope.scaling) } },
	{ "broadcast_to", sizeof(struct broadcast_to_attr),
	  { MEMBER(broadcast_to_attr, last), MEMBER(broadcast_to_attr, average) } },
	{ "cast", sizeof(struct cast_attr), { MEMBER(cast_attr, to) } },
	{ "clip_scale", sizeof(struct clip_scale_attr), { MEMBER(clip_scale_attr, max_norm) } },
	{ "concat", sizeof(struct slice_place),
	  { MEMBER(slice_place, dim), MEMBER(slice_place, start) } },
	{ "dropout", sizeof(struct dropout_attr),
	  { MEMBER(dropout_attr, purpose), MEMBER(dropout_attr, rate) } },
	{ "embedding", sizeof(struct embedding_attr), { MEMBER(embedding_attr, out) } },
	{ "embedding_grad", sizeof(struct embedding_grad_attr),
	  { MEMBER(embedding_grad_attr, rows),
	    MEMBER(embedding_grad_attr, accumulate.always_add) } },
	{ "fill_like", sizeof(struct fill_like_attr), { MEMBER(fill_like_attr, value) } },
	{ "gelu", sizeof(struct gelu_attr), { MEMBER(gelu_attr, exact) } },
	{ "glu", sizeof(struct glu_attr), { MEMBER(glu_attr, act) } },
	{ "layernorm", sizeof(struct layernorm_attr),
	  { MEMBER(layernorm_attr, eps), MEMBER(layernorm_attr, out) } },
	{ "linear_cross_entropy", sizeof(struct linear_cross_entropy_attr),
	  { MEMBER(linear_cross_entropy_attr, softcap), MEMBER(linear_cross_entropy_attr, sampled),
	    MEMBER(linear_cross_entropy_attr, squares),
	    MEMBER(linear_cross_entropy_attr, accumulate.always_add) } },
	{ "linear_cross_entropy_eval", sizeof(struct linear_cross_entropy_attr),
	  { MEMBER(linear_cross_entropy_attr, softcap), MEMBER(linear_cross_entropy_attr, sampled),
	    MEMBER(linear_cross_entropy_attr, squares),
	    MEMBER(linear_cross_entropy_attr, accumulate.always_add) } },
	{ "linear_act", sizeof(struct linear_act_attr), { MEMBER(linear_act_attr, act) } },
	{ "linear_dw", sizeof(struct accumulate_attr), { MEMBER(accumulate_attr, always_add) } },
	{ "linear_dx_act", sizeof(struct linear_act_attr), { MEMBER(linear_act_attr, act) } },
	{ "merge_dims", sizeof(struct merge_dims_attr), { MEMBER(merge_dims_attr, dim) } },
	{ "muon", sizeof(struct muon_attr),
	  { MEMBER(muon_attr, momentum), MEMBER(muon_attr, weight_decay),
	    MEMBER(muon_attr, nesterov), MEMBER(muon_attr, match_rms) } },
	{ "muon_shadow", sizeof(struct muon_attr),
	  { MEMBER(muon_attr, momentum), MEMBER(muon_attr, weight_decay),
	    MEMBER(muon_attr, nesterov), MEMBER(muon_attr, match_rms) } },
	{ "pad_slice", sizeof(struct slice_place),
	  { MEMBER(slice_place, dim), MEMBER(slice_place, start) } },
	{ "rmsnorm", sizeof(struct rmsnorm_attr),
	  { MEMBER(rmsnorm_attr, eps), MEMBER(rmsnorm_attr, out) } },
	{ "rope", sizeof(struct rope_attr),
	  { MEMBER(rope_attr, base), MEMBER(rope_attr, rotary_dims), MEMBER(rope_attr, adjacent),
	    MEMBER(rope_attr, inverse), SCALING(rope_attr, scaling) } },
	{ "rope_angles", sizeof(struct rope_angles_attr),
	  { MEMBER(rope_angles_attr, rope.base), MEMBER(rope_angles_attr, rope.rotary_dims),
	    MEMBER(rope_angles_attr, rope.adjacent), MEMBER(rope_angles_attr, rope.inverse),
	    SCALING(rope_angles_attr, rope.scaling), MEMBER(rope_angles_attr, width) } },
	{ "scale", sizeof(struct scale_attr), { MEMBER(scale_attr, factor) } },
	{ "sgd", sizeof(struct sgd_attr),
	  { MEMBER(sgd_attr, momentum), MEMBER(sgd_attr, weight_decay),
	    MEMBER(sgd_attr, nesterov) } },
	{ "sgd_shadow", sizeof(struct sgd_attr),
	  { MEMBER(sgd_attr, momentum), MEMBER(sgd_attr, weight_decay),
	    MEMBER(sgd_attr, nesterov) } },
	{ "slice", sizeof(struct slice_attr),
	  { MEMBER(slice_attr, dim), MEMBER(slice_attr, start), MEMBER(slice_attr, length) } },
	{ "softcap", sizeof(struct softcap_attr), { MEMBER(softcap_attr, cap) } },
	{ "split_dim", sizeof(struct split_dim_attr),
	  { MEMBER(split_dim_attr, dim), MEMBER(split_dim_attr, inner) } },
	{ "square_accumulate", sizeof(struct accumulate_attr),
	  { MEMBER(accumulate_attr, always_add) } },
	{ "sum_to", sizeof(struct sum_to_attr), { MEMBER(sum_to_attr, nd) } },
	{ "transpose", sizeof(struct transpose_attr),
	  { MEMBER(transpose_attr, a), MEMBER(transpose_attr, b) } },
};

#define STORE(type, value)							\
	do {									\
		type stored = (type)(value);					\
		memcpy(to, &stored, sizeof(stored));				\
	} while (0)

static int set_member(const struct op *op, const struct member *m, const cJSON *object, char *to)
{
	const cJSON *item = json_get(object, m->name);

	if (!item || (m->kind == KIND_BOOL ? !cJSON_IsBool(item) : !cJSON_IsNumber(item)))
		return fail(-EINVAL, "golden %s: attribute '%s' is missing or of another type",
			    op->name, m->name);
	switch (m->kind) {
	case KIND_FLOAT:
		STORE(float, item->valuedouble);
		break;
	case KIND_DOUBLE:
		STORE(double, item->valuedouble);
		break;
	case KIND_BOOL:
		STORE(bool, cJSON_IsTrue(item));
		break;
	case KIND_INT:
		STORE(int, item->valuedouble);
		break;
	case KIND_INT64:
	case KIND_UINT64:
		STORE(int64_t, item->valuedouble);
		break;
	}
	return 0;
}

static int set_members(const struct op *op, const struct attr_type *t, const cJSON *object,
		       char *attr)
{
	int nr = 0, ret = 0;

	for (; nr < MEMBERS_MAX && t->member[nr].name && !ret; nr++)
		ret = set_member(op, &t->member[nr], object, attr + t->member[nr].at);
	if (!ret && nr != cJSON_GetArraySize(object))
		ret = fail(-EINVAL, "golden %s: attributes that its struct lacks", op->name);
	return ret;
}

int golden_attr(const struct op *op, const char *json, void *attr)
{
	const struct attr_type *t = types, *end = types + sizeof(types) / sizeof(types[0]);
	cJSON *object;
	int ret;

	if (!op->attr_size && !json)
		return 0;
	while (t < end && strcmp(t->op, op->name))
		t++;
	if (t == end || t->size != op->attr_size || !json)
		return fail(-EINVAL, "golden %s: attributes unknown or missing: add its struct to "
			    "tests/ops/golden-attr.c", op->name);
	ret = json_parse(op->name, json, strlen(json), &object);
	if (ret)
		return ret;
	ret = set_members(op, t, object, attr);
	cJSON_Delete(object);
	return ret;
}
