// SPDX-License-Identifier: MIT
/*
 * Runs that begin in others.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "data/utf8.h"
#include "io/checkpoint.h"
#include "train/trainer-internal.h"

/* Kept first, so that it is there for as long as we read it. */
static void keep(const struct checkpoint *ck)
{
	if (checkpoint_keep(ck->dir))
		log_warn("%s may be removed when its run goes on: %s", ck->dir, fail_message());
	fail_clear();
}

/* What the run begins with, then the run itself. */
static int fill(struct trainer *t, const struct checkpoint *ck, const struct run *old,
		const struct run_facts *facts, struct run *run)
{
	int ret = trainer_load(t, ck);

	if (!ret)
		ret = run_fork_log(run, old, ck->step, facts->fork);
	if (!ret)
		ret = trainer_save(t, run);
	return ret ? ret : run_begin(run, t->cfg, facts);
}

static int fork_at(struct trainer *t, const struct train_fork *f, const struct checkpoint *ck,
		   const struct run *old, struct run_facts *facts, struct run **run)
{
	int ret = run_fork_check(old, ck->step, t->cfg, facts, f->force);

	facts->fork_step = ck->step;
	if (!ret)
		ret = pruner_fork(t, yml_get(old->manifest, "init"));
	if (!ret)
		ret = yml_text(ck->root, "checksum", &facts->fork_hash);
	if (!ret)
		ret = run_prepare(f->run, t->cfg, run);
	if (ret)
		return ret;
	keep(ck);
	ret = fill(t, ck, old, facts, *run);
	if (ret) {
		run_abandon(*run);
		*run = NULL;
	}
	facts->fork_hash = NULL;
	return ret;
}

/* The absolute path, as far as text can say it. */
static void name_folder(const char *path, struct strbuf *name)
{
	char *place = realpath(path, NULL);
	const char *text = place ? place : path;

	utf8_clean(name, text, strlen(text));
	free(place);
}

int trainer_fork(struct trainer *t, const struct train_fork *f, struct run_facts *facts,
		 struct run **run)
{
	struct checkpoint *ck = NULL;
	struct strbuf name;
	struct run *old;
	int ret = run_open(f->old, &old);

	*run = NULL;
	if (ret)
		return ret;
	strbuf_init(&name);
	name_folder(f->old, &name);
	ret = strbuf_ok(&name);
	facts->fork = name.s;
	if (!ret)
		ret = checkpoint_at(old, f->step, &ck);
	if (!ret)
		ret = fork_at(t, f, ck, old, facts, run);
	facts->fork = NULL;
	strbuf_free(&name);
	checkpoint_close(ck);
	run_close(old);
	return ret;
}
