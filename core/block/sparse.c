// SPDX-License-Identifier: MIT
#include "block/sparse.h"

#include <string.h>

#include "base/fail.h"

const char *const sparse_kind_names[SPARSE_KINDS] = {
	[SPARSE_NONE] = "dense", [SPARSE_MASK] = "mask", [SPARSE_2_4] = "2:4",
};

/* Element @i of @size bytes, 2 or 4, as bits. */
static uint32_t element(size_t size, const void *data, int64_t i)
{
	uint16_t half;
	uint32_t word;

	if (size == sizeof(half)) {
		memcpy(&half, (const char *)data + 2 * i, sizeof(half));
		return half;
	}
	memcpy(&word, (const char *)data + 4 * i, sizeof(word));
	return word;
}

static void copy_element(size_t size, void *to, int64_t i, const void *from, int64_t k)
{
	memcpy((char *)to + i * size, (const char *)from + k * size, size);
}

/* ---- checks -------------------------------------------------------------------------------- */

static int check_mask(struct sparse_matrix *s, int64_t *starts, const char *file, const char *name)
{
	int64_t bytes = sparse_row_bytes(s->cols), nr = 0;

	for (int64_t r = 0; r < s->rows; r++) {
		const uint8_t *row = s->places + r * bytes;

		starts[r] = nr;
		for (int64_t b = 0; b < bytes; b++)
			nr += __builtin_popcount(row[b]);
		if (s->cols % 8 && row[bytes - 1] >> s->cols % 8)
			return fail(-EINVAL, "%s: tensor '%s': row %lld of its mask has bits "
				    "behind column %lld", file, name, (long long)r,
				    (long long)s->cols - 1);
		if (nr > s->nr_values)
			return fail(-EINVAL, "%s: tensor '%s': its mask has more bits than the "
				    "%lld values, up to row %lld", file, name,
				    (long long)s->nr_values, (long long)r);
	}
	if (nr != s->nr_values)
		return fail(-EINVAL, "%s: tensor '%s': its mask has %lld bits, but there are %lld "
			    "values", file, name, (long long)nr, (long long)s->nr_values);
	s->starts = starts;
	return 0;
}

static int check_pairs(const struct sparse_matrix *s, const char *file, const char *name)
{
	int64_t bytes = sparse_row_bytes(s->cols);

	if (s->cols % 8 || s->nr_values != s->rows * (s->cols / 2))
		return fail(-EINVAL, "%s: tensor '%s': 2:4 asks for a multiple of 8 columns and "
			    "half as many values as elements", file, name);
	for (int64_t i = 0; i < s->rows * bytes; i++) {
		unsigned int low = s->places[i] & 15, high = s->places[i] >> 4;

		if ((low & 3) >= low >> 2 || (high & 3) >= high >> 2)
			return fail(-EINVAL, "%s: tensor '%s': in row %lld a group's places are "
				    "not in rising order", file, name, (long long)(i / bytes));
	}
	return 0;
}

int sparse_check(struct sparse_matrix *s, int64_t *starts, const char *file, const char *name)
{
	s->starts = NULL;
	return s->kind == SPARSE_MASK ? check_mask(s, starts, file, name)
				      : check_pairs(s, file, name);
}

/* ---- rows ---------------------------------------------------------------------------------- */

void sparse_expand(const struct sparse_matrix *s, int64_t row, void *to)
{
	const uint8_t *places = s->places + row * sparse_row_bytes(s->cols);
	size_t size = dtype_size(s->dtype);
	int64_t at = sparse_start(s, row);

	memset(to, 0, s->cols * size);
	if (s->kind == SPARSE_2_4) {
		for (int64_t i = 0; i < s->cols / 2; i++, at++) {
			int place = places[i / 4] >> i % 4 * 2 & 3;

			copy_element(size, to, i / 2 * 4 + place, s->values, at);
		}
		return;
	}
	for (int64_t b = 0; b < sparse_row_bytes(s->cols); b++)
		for (unsigned int bits = places[b]; bits; bits &= bits - 1)
			copy_element(size, to, 8 * b + __builtin_ctz(bits), s->values, at++);
}

void sparse_count(enum dtype dtype, const void *row, int64_t cols, struct sparse_count *c)
{
	size_t size = dtype_size(dtype);

	for (int64_t g = 0; g < cols; g += 4) {
		int nr = 0;

		for (int64_t i = g; i < g + 4 && i < cols; i++)
			nr += element(size, row, i) != 0;
		c->nr += nr;
		c->most = nr > c->most ? nr : c->most;
	}
}

/*
 * Four elements of which at most two are stored: their two places.  Where there are fewer, the
 * leftmost zeros that keep the places rising.
 */
static unsigned int pair_of(size_t size, const void *row, int64_t at)
{
	unsigned int place[2] = { 0, 1 }, nr = 0;

	for (unsigned int i = 0; i < 4; i++)
		if (element(size, row, at + i) && nr < 2)
			place[nr++] = i;
	if (nr == 1 && place[0] == 0)
		return 1 << 2;
	if (nr == 1)	/* a zero in front of it */
		return place[0] << 2;
	return place[0] | place[1] << 2;
}

static int64_t pack_pairs(enum dtype dtype, const void *row, int64_t cols, uint8_t *places,
			  void *values)
{
	size_t size = dtype_size(dtype);

	memset(places, 0, sparse_row_bytes(cols));
	for (int64_t g = 0; g < cols / 4; g++) {
		unsigned int pair = pair_of(size, row, 4 * g);

		places[g / 2] |= pair << g % 2 * 4;
		copy_element(size, values, 2 * g, row, 4 * g + (pair & 3));
		copy_element(size, values, 2 * g + 1, row, 4 * g + (pair >> 2));
	}
	return cols / 2;
}

int64_t sparse_pack(enum sparse_kind kind, enum dtype dtype, const void *row, int64_t cols,
		    uint8_t *places, void *values)
{
	size_t size = dtype_size(dtype);
	int64_t nr = 0;

	if (kind == SPARSE_2_4)
		return pack_pairs(dtype, row, cols, places, values);
	memset(places, 0, sparse_row_bytes(cols));
	for (int64_t i = 0; i < cols; i++)
		if (element(size, row, i)) {
			places[i / 8] |= 1 << i % 8;
			copy_element(size, values, nr++, row, i);
		}
	return nr;
}
