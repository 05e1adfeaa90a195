// SPDX-License-Identifier: MIT
#include "eval/logits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "infer/forward.h"
#include "nn/model.h"

#define NPY_HEADER 128	/* a multiple of 64, as NumPy has it */

/** struct job - a logits_write() under way. */
struct job {
	struct forward *forward;
	int nr, vocab;
	float *logits;			/* (forward_chunk(), vocab) */
};

static int check(const char *name, const struct model *m, const struct token_list *ids)
{
	if (!ids->nr)
		return fail(-EINVAL, "%s: no tokens to read", name);
	if (ids->nr > (size_t)m->spec.context)
		return fail(-EINVAL, "%s: %zu tokens: the model's context is %d", name, ids->nr,
			    m->spec.context);
	for (size_t i = 0; i < ids->nr; i++)
		if (ids->ids[i] >= (uint32_t)m->spec.vocab)
			return fail(-EINVAL, "%s: token %u: the model has %d", name, ids->ids[i],
				    m->spec.vocab);
	return 0;
}

/* NumPy's format.py: a mark, the version, the length of a Python dictionary, blanks, a newline. */
static int write_header(const struct job *job, FILE *f)
{
	static const unsigned char begin[10] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0,
						 NPY_HEADER - 10, 0 };
	char text[NPY_HEADER - sizeof(begin)];
	int used = snprintf(text, sizeof(text), "{'descr': '<f4', 'fortran_order': False, "
			    "'shape': (%d, %d), }", job->nr, job->vocab);

	memset(text + used, ' ', sizeof(text) - used);
	text[sizeof(text) - 1] = '\n';
	if (fwrite(begin, sizeof(begin), 1, f) != 1 || fwrite(text, sizeof(text), 1, f) != 1)
		return fail_errno("write");
	return 0;
}

static int write_rows(void *ctx, FILE *f)
{
	struct job *job = ctx;
	int chunk = forward_chunk(job->forward), some, ret = write_header(job, f);

	for (int at = 0; at < job->nr && !ret; at += some) {
		size_t floats;

		some = job->nr - at < chunk ? job->nr - at : chunk;
		floats = (size_t)some * job->vocab;
		ret = forward_logits(job->forward, 0, at, some, job->logits);
		if (!ret && fwrite(job->logits, sizeof(float), floats, f) != floats)
			ret = fail_errno("write");
	}
	return ret;
}

static int read_tokens(struct job *job, const struct token_list *ids)
{
	int32_t *tokens = calloc(job->nr, sizeof(*tokens));
	int ret;

	if (!tokens)
		return fail_nomem(job->nr * sizeof(*tokens), "tokens");
	for (int i = 0; i < job->nr; i++)
		tokens[i] = (int32_t)ids->ids[i];
	ret = forward_run(job->forward, tokens, job->nr, 1, &job->nr);
	free(tokens);
	return ret;
}

int logits_write(const char *name, struct model *m, struct device *dev,
		 const struct token_list *ids, enum dtype kv, const char *path)
{
	struct forward_options o = { .rows = 1, .length = (int)ids->nr, .kv = kv };
	struct job job = { .nr = (int)ids->nr, .vocab = m->spec.vocab };
	size_t bytes;
	int ret = check(name, m, ids);

	if (!ret)
		ret = forward_new(m, dev, &o, &job.forward);
	if (ret)
		return ret;
	bytes = (size_t)forward_chunk(job.forward) * job.vocab * sizeof(float);
	job.logits = malloc(bytes);
	ret = job.logits ? read_tokens(&job, ids) : fail_nomem(bytes, "logits");
	if (!ret)
		ret = file_write_stream(path, write_rows, &job);
	free(job.logits);
	forward_free(job.forward);
	return ret;
}
