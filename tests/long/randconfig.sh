# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Any set of features builds and runs.  RANDCONFIGS is their number, RANDCONFIG_SEED
# the first seed; by default it is another one each day.
. "$SRCTREE/tests/lib.sh"

: "${RANDCONFIGS:=20}" "${RANDCONFIG_SEED:=$(date +%y%m%d00)}"

# The same flags for all, so that one build goes on where the last one ended.
cat >all.config <<'END'
CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE=y
# CONFIG_DEBUG_INFO is not set
# CONFIG_LTO is not set
END

seed=$RANDCONFIG_SEED
last=$((seed + RANDCONFIGS))
while [ "$seed" -lt "$last" ]; do
	if ! make -f "$SRCTREE/Makefile" O=obj KCONFIG_SEED="$seed" \
			KCONFIG_ALLCONFIG="$PWD/all.config" randconfig >out 2>err; then
		not_ok "seed $seed" "randconfig: $(brief err)"
	elif ! make_in obj -j"$(nproc)" >out 2>err; then
		not_ok "seed $seed" "build: $(brief err)"
	elif ! obj/knlp version >out 2>err; then
		not_ok "seed $seed" "knlp version: $(brief err)"
	elif ! obj/knlp ops >out 2>err && obj/knlp 2>&1 | grep -q '^ *ops '; then
		not_ok "seed $seed" "knlp ops: $(brief err)"
	else
		ok "seed $seed"
	fi
	seed=$((seed + 1))
done
