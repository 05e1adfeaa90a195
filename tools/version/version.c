// SPDX-License-Identifier: MIT
/*
 * knlp version - which program this is, and what is in it.
 */
#include <stdio.h>

#include "base/build-info.h"
#include "base/config.h"
#include "tensor/arch.h"
#include "tools/command.h"
#include "tools/config-options.h"
#include "tools/json-out.h"

static struct registry libraries = REGISTRY_INIT("library", knlp_libraries);

static void print_text(void)
{
	const struct library *lib;
	char name[64];
	const struct arch *arch;
	const char *numerics;

	printf("knlp %s", knlp_version());
	if (*knlp_commit())
		printf(" (commit %s)", knlp_commit());
	printf("\ncompiler: %s\nlibraries:", knlp_compiler());
	registry_for_each(&libraries, lib)
		printf(" %s %s%s", lib->name, lib->version(),
		       lib_i + 1 < libraries.nr ? "," : "");
	printf("\ndevices:");
	registry_for_each(arch_table(), arch) {
		if (arch_numerics(arch, &numerics))
			continue;
		printf("%s %s%s%s%s", arch_i ? "," : "", arch->name, *numerics ? " (" : "",
		       numerics, *numerics ? ")" : "");
	}
	printf("\nfeatures:");
	for (const char *const *f = config_features; *f; f++)
		if (config_feature_name(*f, name))
			printf(" %s", name);
	putchar('\n');
}

static int print_json(void)
{
	struct json_out *o = json_out_new(), *part;
	const struct library *lib;
	char name[64];
	const struct arch *arch;
	const char *numerics;

	json_out_text(o, "version", knlp_version());
	json_out_text(o, "commit", knlp_commit());
	json_out_text(o, "compiler", knlp_compiler());
	part = json_out_object(o, "libraries");
	registry_for_each(&libraries, lib)
		json_out_text(part, lib->name, lib->version());
	part = json_out_object(o, "devices");
	registry_for_each(arch_table(), arch)
		if (!arch_numerics(arch, &numerics))
			json_out_text(part, arch->name, numerics);
	part = json_out_array(o, "features");
	for (const char *const *f = config_features; *f; f++)
		if (config_feature_name(*f, name))
			json_out_text(part, NULL, name);
	return json_out_print(o);
}

static int version_run(int argc, char **argv)
{
	int ret = output_from_options();

	if (!ret)
		ret = registry_sort(&libraries, 1);
	if (ret)
		return ret;
	if (config_options.json)
		return print_json();
	print_text();
	return 0;
}

static const struct option options[] = {
	OPTION_TABLE(option_table_json),
	OPTION_END
};

static const struct command version = {
	.name = "version",
	.group = "About knlp",
	.summary = "print the version and what is compiled in",
	.usage = (const char *const []){ "[--json]", NULL },
	.description =
		"Prints the version and commit, the compiler, the versions of the libraries "
		"in use, the devices with the instructions that are used on them, and the features "
		"that were switched on when knlp was configured.",
	.options = options,
	.run = version_run,
};
COMMAND_REGISTER(version);
