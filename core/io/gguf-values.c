// SPDX-License-Identifier: MIT
#include <string.h>

#include "base/fail.h"
#include "io/gguf-internal.h"

const char *gguf_path(const struct gguf *g)
{
	return g->file.path;
}

size_t gguf_nr_values(const struct gguf *g)
{
	return g->nr_values;
}

const struct gguf_value *gguf_value_at(const struct gguf *g, size_t i)
{
	return &g->values[i];
}

size_t gguf_nr_tensors(const struct gguf *g)
{
	return g->nr_tensors;
}

const struct gguf_tensor *gguf_tensor_at(const struct gguf *g, size_t i)
{
	return &g->tensors[i];
}

static bool is_int(enum gguf_type type)
{
	return type <= GGUF_I32 || type == GGUF_U64 || type == GGUF_I64;
}

static bool is_float(enum gguf_type type)
{
	return type == GGUF_F32 || type == GGUF_F64;
}

/* u64 beyond the range of i64 becomes its largest number, which no range allows. */
static int64_t load_int(enum gguf_type type, const unsigned char *at)
{
	uint64_t u = gguf_load(at, (int)gguf_item_bytes(type));

	switch (type) {
	case GGUF_I8:  return (int8_t)u;
	case GGUF_I16: return (int16_t)u;
	case GGUF_I32: return (int32_t)u;
	case GGUF_I64: return (int64_t)u;
	default:       return u > INT64_MAX ? INT64_MAX : (int64_t)u;
	}
}

static double load_float(enum gguf_type type, const unsigned char *at)
{
	float single;
	double value;

	if (type == GGUF_F64) {
		memcpy(&value, at, 8);
		return value;
	}
	memcpy(&single, at, 4);
	return single;
}

static struct gguf_string load_string(const unsigned char *at)
{
	return (struct gguf_string){ (const char *)at + 8, gguf_load(at, 8) };
}

struct gguf_string gguf_item_string(const struct gguf_value *v, uint64_t i)
{
	return load_string(v->data + (v->starts ? v->starts[i] : 0));
}

int64_t gguf_item_int(const struct gguf_value *v, uint64_t i)
{
	return load_int(v->item, v->data + i * gguf_item_bytes(v->item));
}

double gguf_item_float(const struct gguf_value *v, uint64_t i)
{
	return load_float(v->item, v->data + i * gguf_item_bytes(v->item));
}

/* The value of @key, which is no array. */
static int find_scalar(const struct gguf *g, const char *key, const struct gguf_value **v)
{
	*v = gguf_has(g, key);
	if (!*v)
		return fail(-ENOENT, "%s: key '%s' is missing", g->file.path, key);
	if ((*v)->type == GGUF_ARRAY)
		return fail(-EINVAL, "%s: key '%s' is an array", g->file.path, key);
	return 0;
}

static int wrong_type(const struct gguf *g, const struct gguf_value *v, const char *key,
		      const char *wanted)
{
	return fail(-EINVAL, "%s: key '%s' is %s %s, not %s", g->file.path, key,
		    v->type == GGUF_ARRAY ? "an array of" : "of type", gguf_type_name(v->item),
		    wanted);
}

int gguf_int(const struct gguf *g, const char *key, int64_t min, int64_t max, int64_t *value)
{
	const struct gguf_value *v;
	int ret = find_scalar(g, key, &v);
	int64_t n;

	if (ret)
		return ret;
	if (!is_int(v->type))
		return wrong_type(g, v, key, "an integer");
	n = load_int(v->type, v->data);
	if (n < min || n > max)
		return fail(-EINVAL, "%s: key '%s' is %lld, not in %lld..%lld", g->file.path, key,
			    (long long)n, (long long)min, (long long)max);
	*value = n;
	return 0;
}

int gguf_float(const struct gguf *g, const char *key, double *value)
{
	const struct gguf_value *v;
	int ret = find_scalar(g, key, &v);
	double x;

	if (ret)
		return ret;
	if (!is_float(v->type))
		return wrong_type(g, v, key, "a float");
	x = load_float(v->type, v->data);
	if (x - x != 0)
		return fail(-EINVAL, "%s: key '%s' is not finite", g->file.path, key);
	*value = x;
	return 0;
}

int gguf_bool(const struct gguf *g, const char *key, bool *value)
{
	const struct gguf_value *v;
	int ret = find_scalar(g, key, &v);

	if (ret)
		return ret;
	if (v->type != GGUF_BOOL)
		return wrong_type(g, v, key, "a bool");
	*value = *v->data;
	return 0;
}

int gguf_string(const struct gguf *g, const char *key, struct gguf_string *value)
{
	const struct gguf_value *v;
	int ret = find_scalar(g, key, &v);

	if (ret)
		return ret;
	if (v->type != GGUF_STRING)
		return wrong_type(g, v, key, "a string");
	*value = load_string(v->data);
	return 0;
}

int gguf_array(const struct gguf *g, const char *key, enum gguf_type item,
	       const struct gguf_value **value)
{
	const struct gguf_value *v = gguf_has(g, key);

	if (!v)
		return fail(-ENOENT, "%s: key '%s' is missing", g->file.path, key);
	if (v->type != GGUF_ARRAY)
		return fail(-EINVAL, "%s: key '%s' is not an array", g->file.path, key);
	if (v->item != item && !(item == GGUF_I32 && is_int(v->item)))
		return wrong_type(g, v, key, item == GGUF_I32 ? "integers" : gguf_type_name(item));
	*value = v;
	return 0;
}
