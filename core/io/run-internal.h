/* SPDX-License-Identifier: MIT */
/* What the files of the run folder share. */
#ifndef IO_RUN_INTERNAL_H
#define IO_RUN_INTERNAL_H

#include "base/config.h"
#include "io/run.h"

#define RUN_FORMAT 1
#define RUN_BEGINNING "beginning"

/** run_manifest_write() - write RUN/manifest.yaml for a run that begins now. */
int run_manifest_write(const char *path, const struct config *cfg, const struct run_facts *facts);

#define UTC_MAX 32

/** utc_now() - "2026-01-31T12:00:00Z", written into @text. */
const char *utc_now(char text[UTC_MAX]);

/** manifest_check() - are @facts those that the run began with?  -EINVAL names what differs. */
int manifest_check(const struct yml *manifest, const struct run_facts *facts);

#endif
