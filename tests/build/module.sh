# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Modules: tables from a shared object join those of the program, or are refused by name.
. "$SRCTREE/tests/lib.sh"

if ! grep -q '^CONFIG_MODULES=y' "$OBJTREE/.config"; then
	skip "modules" "CONFIG_MODULES is off"
	exit 0
fi
mkdir bin lib lib/knlp
cp "$KNLP" bin/knlp

# build NAME [FLAG...]: NAME.c to knlp-NAME.so, as a module author would.
build()
{
	_module=$1
	shift
	(cd "$OBJTREE" && cc -std=gnu11 -D_GNU_SOURCE= -Wall -Wextra -Wno-unused-parameter \
		-Wno-missing-field-initializers -fPIC -shared \
		-I"$SRCTREE/core" -I"$SRCTREE" -Iinclude/generated \
		-include "$SRCTREE/core/base/kconfig.h" "$@" \
		-o "$OLDPWD/knlp-$_module.so" "$OLDPWD/$_module.c")
}

cat >hello.c <<'END'
#include <stdio.h>
#include "abi.h"
#include "base/module.h"
#include "tools/command.h"

static int hello_run(int argc, char **argv)
{
	puts("hello from a module");
	return argc > 5 ? usage_error("too much") : 0;
}

static const struct command hello = {
	.name = "hello", .group = "About knlp", .summary = "say hello",
	.usage = (const char *const []){ "", NULL }, .description = "Says hello.",
	.run = hello_run,
};
COMMAND_REGISTER(hello);
MODULE_DEFINE("hello", TABLE_BOUNDS(knlp_commands));
END
succeeds "a module compiles" build hello
cp knlp-hello.so lib/knlp/
succeeds "its command is found" bin/knlp hello
has "and runs" "hello from a module" out
succeeds "the program's own are still there" bin/knlp version
succeeds "and in the overview" bin/knlp
has "with its summary" "hello  *say hello" out

mv lib/knlp/knlp-hello.so bin/
succeeds "beside the program, too" bin/knlp hello
rm bin/knlp-hello.so

sed 's/#include "abi.h"/#define KNLP_ABI "0123456789abcdef"/' hello.c >stale.c
succeeds "a stale module compiles" build stale
cp knlp-stale.so bin/
fails "a stale module is refused by name" 1 "knlp-stale.so: built from other headers" bin/knlp version
rm bin/knlp-stale.so

echo 'int nothing;' >other.c
succeeds "another shared object compiles" build other
cp knlp-other.so bin/
fails "what is no module is refused" 1 "knlp-other.so: not a knlp module" bin/knlp version
rm bin/knlp-other.so

echo 'garbage' >bin/knlp-broken.so
fails "a broken file is refused" 1 "knlp-broken.so" bin/knlp version
rm bin/knlp-broken.so

cat >twice.c <<'END'
#include "abi.h"
#include "base/module.h"
#include "tensor/op.h"

static int infer(const void *attr, const struct layout *in, int nr_in, struct layout *out)
{
	return 0;
}
static const struct op gelu = { .name = "gelu", .summary = "another", .infer = infer };
OP_REGISTER(gelu);
MODULE_DEFINE("twice", TABLE_BOUNDS(knlp_ops));
END
succeeds "a module with a name that is taken compiles" build twice
cp knlp-twice.so bin/
fails "a duplicate op is refused at start" 1 "two ops are called 'gelu'" bin/knlp version
