// SPDX-License-Identifier: MIT
#include "tensor/plan.h"
#include "tensor/segment.h"
#include "tests/unit/test.h"

static struct segment *make(const char *name)
{
	const int64_t matrix[2] = { 3, 5 }, vector[1] = { 17 }, scalar[1] = { 1 };
	struct segment *s = segment_new(name, DT_F32);

	CHECK(s);
	CHECK(segment_add(s, "a", 2, matrix) == 0);
	CHECK(segment_add(s, "b", 1, vector) == 1);
	CHECK(segment_add(s, "c", 1, scalar) == 2);
	return s;
}

/* 15, 17 and 1 floats: 60, 68 and 4 bytes, each rounded up to 64. */
static void segment_places(void)
{
	struct segment *s = make("weights"), *m = segment_like(s, "moments", DT_F32);

	CHECK(m && m->nr_views == 3 && !strcmp(m->name, "moments"));
	for (int i = 0; i < 3; i++) {
		CHECK(!strcmp(s->views[i].name, m->views[i].name));
		CHECK(s->views[i].at == m->views[i].at);
		CHECK(s->views[i].at % 64 == 0);
		CHECK(layout_same_shape(&s->views[i].layout, &m->views[i].layout));
	}
	CHECK(s->views[0].at == 0 && s->views[1].at == 64 && s->views[2].at == 192);
	CHECK(s->bytes == 256 && segment_count(s) == 64);
	segment_free(s);
	segment_free(m);
}
TEST_REGISTER(segment_places);

/* Element i of a segment of another type belongs to element i of this one. */
static void segment_other_type(void)
{
	struct segment *s = make("weights"), *half = segment_like(s, "shadow", DT_BF16);

	for (int i = 0; i < 3; i++)
		CHECK(half->views[i].at * 2 == s->views[i].at);
	CHECK(half->bytes * 2 == s->bytes && segment_count(half) == segment_count(s));
	segment_free(s);
	segment_free(half);
}
TEST_REGISTER(segment_other_type);

static void segment_cuts(void)
{
	struct segment *s = make("weights");

	CHECK(segment_view_end(s, 1) == 64);
	CHECK(segment_view_end(s, 64) == 64);
	CHECK(segment_view_end(s, 65) == 192);
	CHECK(segment_view_end(s, 250) == 256);
	segment_free(s);
}
TEST_REGISTER(segment_cuts);

/* What is written through a view is seen in the flat tensor, and the gaps are zero. */
static void segment_views(void)
{
	struct segment *s = make("weights");
	struct graph *g = graph_new();
	struct tensor *b, *flat;
	float value[17], all[64];
	struct device *dev;

	check_ok(device_open("cpu", &dev));
	check_ok(segment_alloc(s, dev));
	b = graph_tensor(g, TENSOR_PARAM, "b", DT_F32, 1, s->views[1].layout.n, NULL);
	segment_bind(s, 1, b);
	flat = segment_flat(s, g, TENSOR_STATE);
	check_ok(graph_error(g));
	CHECK(layout_count(&flat->max) == 64);
	for (int i = 0; i < 17; i++)
		value[i] = i + 1;
	check_ok(tensor_write(b, value, sizeof(value)));
	check_ok(tensor_read(flat, all, sizeof(all)));
	for (int i = 0; i < 64; i++)
		CHECK(all[i] == (i >= 16 && i < 33 ? i - 15 : 0));
	graph_free(g);
	segment_free(s);
	device_close(dev);
}
TEST_REGISTER(segment_views);
