// SPDX-License-Identifier: MIT
/*
 * A trained minGPT model (gpt-nano-sort: sorts eleven numbers) and every intermediate
 * tensor of one of its forward passes, as PyTorch made them.  Both are development data:
 * tests/unit/data-helper.h says where they are looked for.
 */
#include <math.h>
#include <stdio.h>

#include "base/config.h"
#include "io/json.h"
#include "nn/model.h"
#include "ops/attention.h"
#include "ops/softmax.h"
#include "tensor/plan.h"
#include "tensor/segment.h"
#include "tests/unit/data-helper.h"

#define TOLERANCE 1e-5

enum { B = 3, T = 11, C = 48, HEADS = 3, D = C / HEADS };

/* ---- the files: {"NAME": {"shape": [...], "data": base64 of float32}} ------------------ */

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The floats of entry @name; there must be @count of them. */
static float *load(const cJSON *file, const char *name, int64_t count)
{
	const char *text = cJSON_GetStringValue(json_get(json_get(file, name), "data"));
	unsigned char *bytes = malloc(count * sizeof(float) + 3);
	size_t nr = 0;

	ck_assert_msg(text != NULL, "no tensor '%s'", name);
	ck_assert_msg(strlen(text) == (count * sizeof(float) + 2) / 3 * 4, "'%s' is not of %lld "
		      "elements", name, (long long)count);
	for (; *text; text += 4) {
		unsigned int word = 0;

		for (int i = 0; i < 4; i++) {
			ck_assert(base64_digit(text[i]) >= 0 || text[i] == '=');
			word = word << 6 | (text[i] == '=' ? 0 : base64_digit(text[i]));
		}
		bytes[nr++] = word >> 16;
		bytes[nr++] = word >> 8 & 255;
		bytes[nr++] = word & 255;
	}
	return (float *)bytes;
}

static cJSON *read_json(const char *name)
{
	char *path = dev_path(name);
	cJSON *root = NULL;

	if (path)
		check_ok(json_read(path, &root));
	free(path);
	return root;
}

/* ---- the model ------------------------------------------------------------------------- */

struct nano {
	cJSON *weights, *partials;
	struct device *dev;
	struct model *model;
	struct graph *g;
	struct plan *plan;
	struct buffer *inputs;		/* ids, then positions */
	struct tensor *logits, *probs;
};

static void make_model(struct nano *n)
{
	static const char *const settings[] = {
		"MODEL_FAMILY=gpt2", "MODEL_LAYERS=3", "MODEL_HEADS=3", "MODEL_WIDTH=48",
		"MODEL_VOCAB=3", "MODEL_CONTEXT=11", "MODEL_TIED=no",
	};
	struct config *cfg = config_new();
	struct model_spec spec;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		check_ok(config_set(cfg, settings[i]));
	check_ok(spec_from_config(cfg, 0, &spec));
	check_ok(model_new(&spec, NULL, &n->model));
	check_ok(model_alloc(n->model, n->dev));
	config_free(cfg);
}

/* minGPT names as GPT-2 does, but keeps projections as (out, in): as they are in memory. */
static void load_weights(struct nano *n)
{
	for (int i = 0; i < n->model->nr_params; i++) {
		const struct param_info *p = &n->model->params[i];
		const struct segment *s = n->model->segment[SEG_WEIGHT][p->group];
		const struct segment_view *v = &s->views[p->view];
		int64_t count = layout_count(&v->layout);
		float *w = load(n->weights, p->name, count);

		check_ok(device_write(s->buffer, v->at, w, count * sizeof(*w)));
		free(w);
	}
}

static struct tensor *add_input(struct nano *n, const char *name, int which)
{
	int64_t size[2] = { B, T };
	struct tensor *t = graph_tensor(n->g, TENSOR_INPUT, name, DT_I32, 2, size, NULL);

	tensor_bind(t, n->inputs, which * B * T * sizeof(int32_t));
	return t;
}

static void write_inputs(struct nano *n)
{
	float *idx = load(n->partials, "idx", B * T);
	int32_t host[2][B * T];

	for (int i = 0; i < B * T; i++) {
		host[0][i] = (int32_t)idx[i];
		host[1][i] = i % T;
	}
	check_ok(device_write(n->inputs, 0, host, sizeof(host)));
	free(idx);
}

/* The whole forward pass with every intermediate kept, run. */
static void run_model(struct nano *n)
{
	struct builder b = { .model = n->model };

	check_ok(device_alloc(n->dev, 2 * B * T * sizeof(int32_t), "inputs", &n->inputs));
	b.graph = n->g = graph_new();
	b.ids = add_input(n, "ids", 0);
	b.positions = add_input(n, "positions", 1);
	n->logits = model_logits(&b, model_hidden(&b));
	n->probs = op_softmax(n->g, n->logits);
	check_ok(graph_error(n->g));
	for (int i = 0; i < n->g->nr_nodes; i++)
		if (!(n->g->nodes[i]->op->flags & OP_VIEW))
			for (int o = 0; o < n->g->nodes[i]->nr_out; o++)
				graph_output(n->g->nodes[i]->out[o]);
	check_ok(graph_plan(n->g, n->dev, false, &n->plan));
	write_inputs(n);
	check_ok(plan_run(n->plan));
}

static void end(struct nano *n)
{
	plan_free(n->plan);
	graph_free(n->g);
	buffer_free(n->inputs);
	model_free(n->model);
	device_close(n->dev);
	cJSON_Delete(n->partials);
	cJSON_Delete(n->weights);
}

/* ---- comparing ------------------------------------------------------------------------- */

/* Output @out of the node called @name, number @nth of its scope: the second is "add#2". */
static struct tensor *find(const struct nano *n, const char *name, int nth, int out)
{
	char full[64];

	snprintf(full, sizeof(full), nth ? "%s#%d" : "%s", name, nth + 1);
	for (int i = 0; i < n->g->nr_nodes; i++)
		if (!strcmp(n->g->nodes[i]->name, full))
			return n->g->nodes[i]->out[out];
	ck_abort_msg("the graph has no node '%s'", full);
}

static float *fetch(const struct tensor *t)
{
	int64_t count = layout_count(&t->now);
	float *x = malloc(count * sizeof(*x));

	check_ok(tensor_read(t, x, count * sizeof(*x)));
	return x;
}

static void check_near(const char *name, int64_t i, double got, double want)
{
	ck_assert_msg(fabs(got - want) <= TOLERANCE, "%s: element %lld is %.9g, PyTorch says %.9g",
		      name, (long long)i, got, want);
}

/* @copies: how often the file's tensor occurs in ours, one behind the other. */
static void compare(const struct nano *n, const char *name, const struct tensor *t, int copies)
{
	int64_t count = layout_count(&t->now), nr = count / copies;
	float *got = fetch(t), *want = load(n->partials, name, nr);

	for (int64_t i = 0; i < count; i++)
		check_near(name, i, got[i], want[i % nr]);
	free(got);
	free(want);
}

/* q, k and v, (B, H, T, D) in the file, out of the packed projection (B, T, 3, H, D). */
static void compare_heads(const struct nano *n)
{
	static const char *const names[] = { "q", "k", "v" };
	float *qkv = fetch(find(n, "h.0/linear", 0, 0));

	for (int part = 0; part < 3; part++) {
		float *want = load(n->partials, names[part], B * T * C);

		for (int i = 0; i < B * T * C; i++) {
			int e = i % D, t = i / D % T;
			int h = i / (D * T) % HEADS, b = i / (D * T * HEADS);

			check_near(names[part], i, qkv[((b * T + t) * 3 + part) * C + h * D + e],
				   want[i]);
		}
		free(want);
	}
	free(qkv);
}

/* Scores are not kept; their softmax has to follow from lse: w = exp(s - lse). */
static void compare_scores(const struct nano *n)
{
	float *lse = fetch(op_attention_lse(find(n, "h.0/attention", 0, 0)));	/* (B, H, T) */
	float *s = load(n->partials, "att", B * HEADS * T * T);
	float *w = load(n->partials, "attSm", B * HEADS * T * T);

	for (int i = 0; i < B * HEADS * T * T; i++) {
		ck_assert_int_eq(isinf(s[i]) != 0, i % T > i / T % T);
		check_near("attSm", i, exp(s[i] - lse[i / T]), w[i]);
	}
	free(lse);
	free(s);
	free(w);
}

/* A residual sum is output SUM of the norm that follows it. */
#define SUM 3

static const struct {
	const char *name, *node;
	int nth, out, copies;
} places[] = {
	{ "tok_emb", "embed/embedding", 0, 0, 1 },
	{ "pos_emb", "embed/embedding", 1, 0, B },
	{ "x", "embed/add", 0, 0, 1 },
	{ "ln1", "h.0/layernorm", 0, 0, 1 },
	{ "qkv", "h.0/linear", 0, 0, 1 },
	{ "y", "h.0/attention", 0, 0, 1 },
	{ "yProj", "h.0/linear", 1, 0, 1 },
	{ "attnResid", "h.0/add_layernorm", 0, SUM, 1 },
	{ "ln2", "h.0/add_layernorm", 0, 0, 1 },
	{ "fc", "h.0/linear_act", 0, 1, 1 },
	{ "gelu", "h.0/linear_act", 0, 0, 1 },
	{ "mlp", "h.0/linear", 2, 0, 1 },
	{ "mlpResid", "h.1/add_layernorm", 0, SUM, 1 },
	{ "block0", "h.1/add_layernorm", 0, SUM, 1 },
	{ "block1", "h.2/add_layernorm", 0, SUM, 1 },
	{ "block2", "head/add_layernorm", 0, SUM, 1 },
	{ "ln_f", "head/add_layernorm", 0, 0, 1 },
};

static void check_nano(const char *device)
{
	struct nano n = {
		.weights = read_json("models/gpt-nano-sort/gpt-nano-sort-model.json"),
		.partials = read_json("models/gpt-nano-sort/gpt-nano-sort-t0-partials.json"),
	};

	if (!n.weights || !n.partials) {
		cJSON_Delete(n.weights);
		cJSON_Delete(n.partials);
		return;		/* said already */
	}
	check_ok(device_open(device, &n.dev));
	make_model(&n);
	load_weights(&n);
	run_model(&n);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		compare(&n, places[i].name, find(&n, places[i].node, places[i].nth, places[i].out),
			places[i].copies);
	compare_heads(&n);
	compare_scores(&n);
	compare(&n, "lm_head", n.logits, 1);
	compare(&n, "probs", n.probs, 1);
	end(&n);
}

static void nano_sort_cpu(void)
{
	check_nano("cpu");
}
TEST_REGISTER(nano_sort_cpu);

static void nano_sort_remote(void)
{
	if (IS_ENABLED(CONFIG_REMOTE))
		check_nano("remote");
}
TEST_REGISTER(nano_sort_remote);
