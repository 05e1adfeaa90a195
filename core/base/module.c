// SPDX-License-Identifier: MIT
#include "base/module.h"

#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"	/* generated */
#include "base/fail.h"
#include "base/file.h"

int module_load(const char *path)
{
	const struct knlp_module *m;
	void *handle;
	int ret;

	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return fail(-EINVAL, "module %s", dlerror());
	m = dlsym(handle, "knlp_module");
	if (!m) {
		ret = fail(-EINVAL, "%s: not a knlp module", path);
		goto out_close;
	}
	if (strcmp(m->abi, KNLP_ABI)) {
		ret = fail(-EINVAL, "%s: built from other headers or another configuration "
			   "(%.8s, this knlp has %.8s): build it again or remove it", path,
			   m->abi, KNLP_ABI);
		goto out_close;
	}
	return registry_extend(m->tables);	/* stays open: the tables point into it */
out_close:
	dlclose(handle);
	return ret;
}

static int load_from(const char *dir)
{
	char pattern[4096];
	glob_t found;
	int ret = 0;

	snprintf(pattern, sizeof(pattern), "%s/knlp-*.so", dir);
	if (glob(pattern, 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc && !ret; i++)
		ret = module_load(found.gl_pathv[i]);
	globfree(&found);
	return ret;
}

int modules_load(void)
{
	char self[4000], dir[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	int ret;

	if (len < 0)
		return 0;
	self[len] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	ret = load_from(self);
	snprintf(dir, sizeof(dir), "%s/../lib/knlp", self);
	return ret ? ret : load_from(dir);
}
