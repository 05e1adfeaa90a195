/* SPDX-License-Identifier: MIT */
/* What the files of pruning a model share. */
#ifndef PRUNE_MODEL_INTERNAL_H
#define PRUNE_MODEL_INTERNAL_H

#include "formats/source.h"
#include "nn/model.h"
#include "prune/model.h"
#include "train/calibrate.h"

struct dataset;

/**
 * struct target - a tensor on its way.
 * @info: of the parameter
 * @source: what the file has
 * @flat: inputs of the criterion that are memory of ours, (rows, cols)
 * @norm, @inverse_a, @inverse_g: see struct score_call
 * @now: the pruned weights as they will be written, of type @type
 */
struct target {
	const struct param_info *info;
	const struct source_tensor *source;
	float *flat[PRUNE_FLAT];
	float *norm;
	double *inverse_a, *inverse_g;
	void *now;
	enum dtype type;
};

/**
 * struct pruning - a model, and what is known of it.
 * @shape: its parameters without their values
 * @t: (nr) for prune_choose(); @target: (nr) the rest
 */
struct pruning {
	const struct prune_settings *s;
	const struct prune_files *f;
	struct model_source *src;
	struct model *shape;
	struct dataset *data;
	struct prune_tensor *t;
	struct target *target;
	int nr;
	struct score_values values;
	struct calib dense;		/* of the model as it was; kept for all sparsities */
	bool has_dense;
	struct prune_result *result;
};

/** inputs_read() - what the criterion reads of weights, optimizer, FIM file, initial model. */
int inputs_read(struct pruning *p);

/** stage_chooses() - does the criterion have to see inputs of layers before it chooses? */
bool stage_chooses(const struct pruning *p);

/** stage_choose() - masks of tensors [@begin, @end) from scores. */
int stage_choose(struct pruning *p, int begin, int end);

/** stage_run() - masks, if they are not there yet, and updates of tensors [@begin, @end). */
int stage_run(struct pruning *p, int begin, int end, double *calibration);

/** stage_calibrate() - inputs of tensors [@begin, @end), as @p->target's now has the model. */
int stage_calibrate(struct pruning *p, int begin, int end, bool products, struct calib *c);

/** stage_norms() - norms of the inputs of tensors [@begin, @end) from @c. */
int stage_norms(struct pruning *p, int begin, int end, const struct calib *c);

/** pruned_source() - the model with pruned weights; free its @tensors. */
int pruned_source(const struct pruning *p, struct model_source *out);

/** output_write() - folder @path with the pruned weights and the masks; sets @r's size. */
int output_write(const struct pruning *p, struct prune_result *r, const char *path);

#endif
