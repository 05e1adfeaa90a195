// SPDX-License-Identifier: MIT
#include "fim/estimate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/format.h"
#include "base/registry.h"
#include "base/strbuf.h"
#include "data/dataset.h"
#include "train/load.h"

const struct registry *fim_units(void)
{
	static struct registry units;

	if (!units.sorted) {
		units = (struct registry)REGISTRY_INIT("unit", knlp_fim_units);
		BUG_ON(registry_sort(&units, 1));
	}
	return &units;
}

int fim_check_room(struct fim_job *j, size_t need)
{
	size_t room = device_available(j->dev);
	char a[FORMAT_MAX], b[FORMAT_MAX];

	j->memory = need;
	if (need <= room)
		return 0;
	return fail(-ENOMEM, "this estimate needs %s, %s are available: a smaller model, or a "
		    "shorter --context", format_bytes(a, need), format_bytes(b, room));
}

static int copy_text(char **to, const char *text)
{
	free(*to);
	*to = strdup(text);
	return *to ? 0 : fail_nomem(strlen(text), "metadata");
}

static int read_parameters(struct fim_job *j, const struct config *cfg)
{
	const char *unit = config_text(cfg, PARAM_FIM_UNIT);
	struct fim_facts *f = &j->facts;
	int ret;

	j->sampled = !strcmp(config_text(cfg, PARAM_FIM_LABELS), "sampled");
	j->unit = registry_find(fim_units(), unit);
	if (!j->unit)
		return fail(-EINVAL, "FIM_UNIT '%s' is not compiled in", unit);
	f->sequences = config_int(cfg, PARAM_FIM_SEQUENCES);
	f->positions = config_int(cfg, PARAM_FIM_POSITIONS);
	f->draws = j->sampled ? config_int(cfg, PARAM_FIM_DRAWS) : 1;
	f->batch = strcmp(unit, "batch") ? 1 : config_int(cfg, PARAM_FIM_BATCH);
	f->seed = config_int(cfg, PARAM_FIM_SEED);
	if (strcmp(unit, "token"))
		f->positions = 0;
	ret = copy_text(&f->unit, unit);
	return ret ? ret : copy_text(&f->labels, config_text(cfg, PARAM_FIM_LABELS));
}

/* What does not go together. */
static int check(const struct fim_job *j)
{
	const struct fim_facts *f = &j->facts;
	bool halves = j->out.parts & 1 << FIM_HALF || j->out.shrink == FIM_SHRINK_AUTO;

	if (j->sampled && !j->unit->has_labels)
		return fail(-EINVAL, "unit %s has no sampled labels: FIM_LABELS must be observed",
			    f->unit);
	if (halves && !j->unit->has_halves)
		return fail(-EINVAL, "unit %s: its sample cannot be halved", f->unit);
	if (f->sequences % f->batch)
		return fail(-EINVAL, "FIM_SEQUENCES is %lld: must be a multiple of FIM_BATCH, %lld",
			    (long long)f->sequences, (long long)f->batch);
	if (halves && f->sequences / f->batch % 2)
		return fail(-EINVAL, "FIM_SEQUENCES is %lld: halves of the sample need an even "
			    "number%s", (long long)f->sequences,
			    f->batch > 1 ? " of batches" : "");
	return 0;
}

static int set_context(struct fim_job *j)
{
	int most = (int)config_int(j->cfg, PARAM_MODEL_CONTEXT);

	if (!j->context)
		j->context = most;
	if (j->context > most)
		return fail(-EINVAL, "--context %d: the model's is %d", j->context, most);
	j->facts.context = j->context;
	return 0;
}

/* Training text only: the held-out side is for evaluation. */
static int open_sample(struct fim_job *j)
{
	struct fim_facts *f = &j->facts;
	char text[64];
	int ret = loader_init(&j->loader, j->data, DATA_TRAIN, j->context, true,
			      (uint64_t)f->seed);

	if (ret)
		return ret;
	if ((uint64_t)(j->first + f->sequences) > j->loader.windows)
		return fail(-EINVAL, "FIM_SEQUENCES is %lld, %s has %llu of %d tokens to train on",
			    (long long)f->sequences, dataset_dir(j->data),
			    (unsigned long long)j->loader.windows, j->context);
	snprintf(text, sizeof(text), "%lld-%lld", (long long)j->first,
		 (long long)(j->first + f->sequences - 1));
	ret = copy_text(&f->samples, text);
	return ret ? ret : copy_text(&f->data, dataset_hash(j->data));
}

static int prepare(struct fim_job *j)
{
	char hash[HASH_HEX];
	int ret = model_config(j->model, j->cfg);

	if (!ret)
		ret = model_weights_hash(j->model, hash);
	if (!ret)
		ret = copy_text(&j->facts.model, hash);
	if (ret || !j->unit->from_data)
		return ret;
	if (!j->data)
		return fail(-EINVAL, "unit %s looks at text: --data is missing", j->facts.unit);
	ret = model_check_tokenizer(j->model, j->data);
	if (!ret)
		ret = set_context(j);
	return ret ? ret : open_sample(j);
}

int fim_estimate(struct fim_job *j, const struct config *cfg)
{
	int ret = read_parameters(j, cfg);

	if (!ret)
		ret = check(j);
	j->cfg = config_new();
	if (!ret && !j->cfg)
		ret = fail_nomem(0, "parameters");
	if (!ret)
		ret = prepare(j);
	j->doc_mask = j->doc_mask || (!ret && config_bool(j->cfg, PARAM_DATA_DOC_MASK));
	if (!ret)
		ret = j->unit->run(j);
	if (!ret && j->facts.tokens)
		j->loss /= (double)j->facts.tokens * (double)j->facts.draws;
	return ret;
}

void fim_job_free(struct fim_job *j)
{
	fim_facts_free(&j->facts);
	config_free(j->cfg);
	j->cfg = NULL;
}
