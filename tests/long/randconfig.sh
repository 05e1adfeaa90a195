# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Any set of features builds and runs, and what is in it computes right.  RANDCONFIGS is
# their number, RANDCONFIG_SEED the first seed; by default it is another one each day.
. "$SRCTREE/tests/lib.sh"

: "${RANDCONFIGS:=20}" "${RANDCONFIG_SEED:=$(date +%y%m%d00)}"

# The same flags for all, so that one build goes on where the last one ended.  Link-time
# optimization takes long: each tenth has it, in an object tree of its own.
cat >all-n.config <<'END'
CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE=y
# CONFIG_DEBUG_INFO is not set
# CONFIG_LTO is not set
END
sed 's/.*CONFIG_LTO .*/CONFIG_LTO=y/' all-n.config >all-y.config

# build OBJTREE: knlp, and knlp-test if it can be
build()
{
	goal=all
	! grep -q '^CONFIG_ORACLES=y' "$1/.config" || goal=tests
	make_in "$1" -j"$(nproc)" $goal
}

# computes OBJTREE: each kernel against its oracle, each gradient rule
computes()
{
	[ $goal = all ] || "$1/knlp-test" op_kernels op_gradients
}

seed=$RANDCONFIG_SEED
last=$((seed + RANDCONFIGS))
while [ "$seed" -lt "$last" ]; do
	lto=n
	[ $((seed % 10)) -ne 3 ] || lto=y
	obj=$PWD/obj-$lto
	name="seed $seed"
	[ $lto = n ] || name="$name with LTO"
	if ! make -f "$SRCTREE/Makefile" O="$obj" KCONFIG_SEED="$seed" \
			KCONFIG_ALLCONFIG="$PWD/all-$lto.config" randconfig >out 2>err; then
		not_ok "$name" "randconfig: $(brief err)"
	elif ! build "$obj" >out 2>err; then
		not_ok "$name" "build: $(brief err)"
	elif ! "$obj/knlp" version >out 2>err; then
		not_ok "$name" "knlp version: $(brief err)"
	elif ! "$obj/knlp" ops >out 2>err && "$obj/knlp" 2>&1 | grep -q '^ *ops '; then
		not_ok "$name" "knlp ops: $(brief err)"
	elif ! computes "$obj" >out 2>err; then
		not_ok "$name" "knlp-test: $(grep -m 2 ':[EF]:' out | tr '\n' ' ')$(brief err)"
	else
		ok "$name"
	fi
	seed=$((seed + 1))
done
