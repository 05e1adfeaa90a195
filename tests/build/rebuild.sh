# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# A change rebuilds what depends on it, and nothing else.
. "$SRCTREE/tests/lib.sh"

clone_objtree obj
# The commit that version.h names may have changed since.
make_in obj >/dev/null 2>&1

# built NAME WANT [ARG...]: make compiles the objects WANT, a sorted list
built()
{
	_name=$1 _want=$2
	shift 2
	if ! make_in obj "$@" >out 2>err; then
		not_ok "$_name" "make failed: $(brief err)"
		return
	fi
	equal "$_name" "$(sed -n 's/^  CC *//p' out | sort | tr '\n' ' ')" "$_want"
}

# The objects that read a feature, by what fixdep wrote down.  abi.h has a checksum of
# all features.
readers()
{
	_stamp=$(echo "$1" | tr 'A-Z_' 'a-z/')
	(cd obj && find core arch tools -name '.*.o.cmd' -exec grep -l \
		-e "config/$_stamp\.h)" -e generated/abi.h {} +) |
		sed 's|/\.\([^/]*\)\.cmd$|/\1|'
}

with_embedded() { { cat; echo core/base/embedded-config.o; } | sort -u | tr '\n' ' '; }

# A run parameter: only the embedded configuration.
sed -i 's/^CONFIG_TRAIN_LR=.*/CONFIG_TRAIN_LR="0.00123"/' obj/.config
built "run parameter" "core/base/embedded-config.o "
has "it is linked again" "^  LD *knlp" out
"$KNLP" config >/dev/null 2>&1 && obj/knlp config >config 2>err && has "and is in the program" 0.00123 config

# A date alone is no change.
touch obj/.config
built "touched .config" ""
touch obj/include/config/auto.conf.cmd
built "touched auto.conf.cmd" ""

# A feature: what reads it, and the check that modules fit.
with_features() { { cat; echo core/base/module.o; } | with_embedded; }
readers CMD_CONFIG | with_features >want
sed -i 's/^CONFIG_CMD_CONFIG=y/# CONFIG_CMD_CONFIG is not set/' obj/.config
built "feature off" "$(cat want)"
has "it is linked again" "^  LD *knlp" out
sed -i 's/^# CONFIG_CMD_CONFIG is not set/CONFIG_CMD_CONFIG=y/' obj/.config
built "feature on" "$(readers CMD_CONFIG | with_features)"

# A flag: everything, and back.
make_in obj EXTRA_CFLAGS=-DNOTHING core/base/ >out 2>err
n=$(grep -c '^  CC' out)
equal "a flag rebuilds all" "$n" "$(find obj/core/base -name '*.o' | wc -l)"
make_in obj >/dev/null 2>&1
built "nothing more to do" ""
