// SPDX-License-Identifier: MIT
/*
 * Models through pruning and back from the disk: kept weights bit for bit, masks beside them.
 */
#include "prune/model.h"

#include <stdlib.h>

#include "base/config.h"
#include "formats/source.h"
#include "io/safetensors.h"
#include "prune/mask-file.h"
#include "prune/mask.h"
#include "tests/unit/data-helper.h"
#include "tests/unit/test.h"

static const char *const models[] = {
	"gpt2", "llama", "qwen3", "gemma3", "sharded", "gpt2.gguf", "llama.gguf",
};

#define NR_MODELS ((int)(sizeof(models) / sizeof(models[0])))

static char *model_path(const char *name)
{
	char *relative = str_printf("tests/data/formats/%s", name), *path = tree_path(relative);

	free(relative);
	return path;
}

struct pruned {
	struct config *cfg;
	struct prune_settings settings;
	struct prune_files files;
	struct pruning *p;
	const struct prune_result *result;
	char *scratch, *in, *out;
};

static void prune_model(struct pruned *m, const char *name, const char *set)
{
	memset(m, 0, sizeof(*m));
	m->scratch = scratch_make();
	m->in = model_path(name);
	m->out = path_join(m->scratch, "out");
	m->cfg = config_new();
	check_ok(config_set(m->cfg, set));
	check_ok(prune_settings_read(m->cfg, &m->settings));
	m->files = (struct prune_files){ .model = m->in, .out = m->out, .dtype = DT_COUNT };
	check_ok(pruning_new(&m->settings, &m->files, &m->p));
	check_ok(pruning_run(m->p, &m->result));
}

static void put_away(struct pruned *m)
{
	pruning_free(m->p);
	config_free(m->cfg);
	free(m->in);
	free(m->out);
	scratch_remove(m->scratch);
}

static const struct st_view *mask_of(const struct st *st, const char *name)
{
	for (size_t i = 0; i < st_count(st); i++)
		if (!strcmp(st_at(st, i)->name, name))
			return st_at(st, i);
	return NULL;
}

/*
 * @was and @is of one tensor, which the mask says what is kept of, or all of.  The mask is as
 * the written file has the rows.
 */
static void check_tensor(const struct model_source *src, const struct source_tensor *was,
			 const struct source_tensor *is, const struct st_view *mask)
{
	int64_t nr = was->shape[0] * (was->nd == 2 ? was->shape[1] : 1);
	size_t size = dtype_size(was->dtype);
	const uint8_t *bits = mask ? mask->data : NULL;
	static const char zero[8];

	CHECK(was->dtype == is->dtype && was->bytes == is->bytes);
	for (int64_t i = 0; i < nr; i++) {
		bool kept = !bits || bits[i / 8] >> i % 8 & 1;
		int64_t cols = was->nd == 2 ? was->shape[1] : 1, r = i / cols;
		int64_t from = source_row(src, was->name, POS_ROPE, r) * cols + i % cols;

		CHECK(!memcmp((const char *)is->data + i * size,
			      kept ? (const char *)was->data + from * size : zero, size));
	}
}

static void check_files(const struct pruned *m)
{
	char *path = path_join(m->out, MASK_FILE);
	struct model_source *was, *is;
	int masked = 0;
	struct st *st;

	check_ok(source_open(m->in, &was));
	check_ok(source_open(m->out, &is));
	check_ok(st_open(path, &st));
	CHECK(was->nr_tensors == is->nr_tensors);
	for (int i = 0; i < was->nr_tensors; i++) {
		const struct source_tensor *t = source_find(is, was->tensors[i].name);
		const struct st_view *mask = mask_of(st, was->tensors[i].name);

		CHECK(t);
		/* Norms may have another type in another format. */
		if (was->tensors[i].nd == 2)
			check_tensor(was, &was->tensors[i], t, mask);
		masked += mask != NULL;
	}
	CHECK(masked == m->result->event.nr && masked > 0);
	CHECK(!strcmp(st_metadata(st, "hash"), m->result->event.hash));
	st_close(st);
	source_close(is);
	source_close(was);
	free(path);
}

static void prune_model_bits(void)
{
	static const char *const sparsities[] = { "PRUNE_SPARSITY=0.4", "PRUNE_SPARSITY=2:4" };

	for (int i = 0; i < NR_MODELS; i++)
		for (int k = 0; k < 2; k++) {
			struct pruned m;

			prune_model(&m, models[i], sparsities[k]);
			check_files(&m);
			put_away(&m);
		}
}
TEST_REGISTER(prune_model_bits);

/* A share that drops nothing leaves the model as it is; each event counts what the files say. */
static void prune_model_event(void)
{
	const struct prune_event *e;
	struct pruned m;

	prune_model(&m, "gpt2", "PRUNE_SPARSITY=0.000001");
	e = &m.result->event;
	CHECK(e->all.kept == e->all.weights && prune_line_jaccard(&e->all) == 1);
	check_files(&m);
	put_away(&m);
	prune_model(&m, "llama", "PRUNE_CRITERION=random");
	e = &m.result->event;
	for (int i = 0; i < e->nr; i++)
		CHECK(e->line[i].weights - e->line[i].kept == e->line[i].weights / 2);
	CHECK(prune_line_jaccard(&e->all) > 0.25 && prune_line_jaccard(&e->all) < 0.45);
	CHECK(!e->all.not_finite && e->all.low >= 0);
	put_away(&m);
}
TEST_REGISTER(prune_model_event);

/* What fails in the middle leaves nothing: there is no room for the folder's name. */
static void prune_model_fails(void)
{
	struct config *cfg = config_new();
	struct prune_settings s;
	struct prune_files f = { .dtype = DT_COUNT };
	const struct prune_result *r;
	char *scratch = scratch_make(), *in = model_path("gpt2");
	char *out = path_join(scratch, "file/out"), *file = path_join(scratch, "file");
	struct pruning *p;

	write_raw(file, "x", 1);
	check_ok(prune_settings_read(cfg, &s));
	f.model = in;
	f.out = out;
	check_ok(pruning_new(&s, &f, &p));
	check_fails(pruning_run(p, &r), -ENOTDIR, "file");
	pruning_free(p);
	f.model = out;
	CHECK(pruning_new(&s, &f, &p) < 0);
	free(file);
	free(out);
	free(in);
	scratch_remove(scratch);
	config_free(cfg);
}
TEST_REGISTER(prune_model_fails);
