#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Check configuration files without using them: each line must be kept by kconfig,
# and run parameters must have the right type.  A file defconfigs/experiments/*/
# other than defconfig changes the defconfig beside it.
#
# usage: check-defconfig.sh OBJTREE FILE...
#
# genparams must have been built in OBJTREE.  Configurations for GPUs are right
# also on machines without the CUDA toolkit.

srctree=$(cd "$(dirname "$0")/../.." && pwd)
objtree=$1
shift

export srctree quiet=silent_ KNLP_HAVE_NVCC=y KNLP_CC_IS_CLANG=n
export KCONFIG_CONFIG=.config.check
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

rc=0
for file; do
	path=$(cd "$(dirname "$file")" && pwd)/$(basename "$file")
	base=$(dirname "$path")/defconfig
	merged=$scratch/$(basename "$file")
	case $path in
	*/experiments/*.config)
		# What the fragment sets, then the rest of the base.
		awk '{ sym = $1 == "#" ? $2 : $1; sub(/=.*/, "", sym) }
		     sym !~ /^CONFIG_/ { next }
		     FNR == NR { set[sym] = 1; print; next }
		     !(sym in set)' "$path" "$base" >"$merged" ;;
	*)
		cp "$path" "$merged" ;;
	esac
	(cd "$objtree" && sh "$srctree/scripts/kconfig/config.sh" check "$merged") || rc=1
done 2>"$scratch/err"
sed "s|^$scratch/||" "$scratch/err" >&2
exit $rc
