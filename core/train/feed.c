// SPDX-License-Identifier: MIT
#include "train/feed.h"

#include <stdlib.h>

#include "base/fail.h"
#include "data/loader.h"

static const char *const part_names[FEED_PARTS] = { "ids", "targets", "positions", "doc_start" };

static bool is_used(const struct feed *f, int part)
{
	return part != FEED_DOC_START || f->doc_mask;
}

int feed_new(struct device *dev, int batch, int context, bool doc_mask, struct feed **out)
{
	struct feed *f = calloc(1, sizeof(*f));
	size_t bytes = (size_t)batch * context * sizeof(int32_t);
	int ret = 0;

	if (!f)
		return fail_nomem(sizeof(*f), "a batch");
	f->batch = batch;
	f->context = context;
	f->doc_mask = doc_mask;
	for (int p = 0; p < FEED_PARTS && dev && !ret; p++) {
		if (!is_used(f, p))
			continue;
		f->host[p] = calloc(1, bytes);
		if (!f->host[p])
			ret = fail_nomem(bytes, "a batch");
		else
			ret = device_alloc(dev, bytes, "a batch", &f->buffer[p]);
	}
	if (ret)
		feed_free(f);
	else
		*out = f;
	return ret;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	for (int p = 0; p < FEED_PARTS; p++) {
		free(f->host[p]);
		buffer_free(f->buffer[p]);
	}
	free(f);
}

size_t feed_bytes(const struct feed *f)
{
	size_t bytes = device_bytes((size_t)f->batch * f->context * sizeof(int32_t)), all = 0;

	for (int p = 0; p < FEED_PARTS; p++)
		all += is_used(f, p) ? bytes : 0;
	return all;
}

int feed_inputs(struct feed *f, struct graph *g, struct feed_inputs *in)
{
	int64_t n[2] = { f->batch, f->context };
	int ids[2];

	in->batch_extent = ids[0] = graph_extent(g, "batch", f->batch);
	in->time_extent = ids[1] = graph_extent(g, "time", f->context);
	for (int p = 0; p < FEED_PARTS; p++) {
		in->part[p] = NULL;
		if (!is_used(f, p))
			continue;
		in->part[p] = graph_tensor(g, TENSOR_INPUT, part_names[p], DT_I32, 2, n, ids);
		if (in->part[p] && f->buffer[p])
			tensor_bind(in->part[p], f->buffer[p], 0);
	}
	return graph_error(g);
}

int feed_send(struct feed *f, int rows, int length)
{
	size_t bytes = (size_t)rows * length * sizeof(int32_t);
	int ret = 0;

	f->rows = rows;
	f->length = length;
	for (int r = 0; r < rows; r++)
		for (int t = 0; t < length; t++)
			f->host[FEED_POSITIONS][(size_t)r * length + t] = t;
	for (int p = 0; p < FEED_PARTS && !ret; p++)
		if (f->buffer[p])
			ret = device_write(f->buffer[p], 0, f->host[p], bytes);
	return ret;
}

int feed_fill(struct feed *f, const struct loader *l, uint64_t first, int rows)
{
	int ret;

	BUG_ON(rows > f->batch || l->length > f->context);
	ret = loader_fill(l, first, rows, f->host[FEED_IDS], f->host[FEED_TARGETS],
			  f->host[FEED_DOC_START]);
	return ret ? ret : feed_send(f, rows, l->length);
}
