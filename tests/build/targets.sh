# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# The other targets that configure, and how they fail.
. "$SRCTREE/tests/lib.sh"

# No terminal: one line, at once.  kconfig-mconf itself would never end.
for target in menuconfig nconfig; do
	timeout 20 make -f "$SRCTREE/Makefile" O=obj "$target" </dev/null >out 2>err
	rc=$?
	if [ $rc -ne 0 ] && [ $rc -ne 124 ]; then
		ok "$target without a terminal"
	else
		not_ok "$target without a terminal" "exit code $rc"
	fi
	has "$target says why" 'needs a terminal' err
done

fails "build without .config" 2 'run .make defconfig' make_in empty all

succeeds defconfig make_in obj defconfig
succeeds savedefconfig make_in obj savedefconfig
equal "the default defconfig says nothing" "$(grep -c CONFIG_ obj/defconfig)" 0
sed -i 's/^CONFIG_TRAIN_BATCH=.*/CONFIG_TRAIN_BATCH=3/' obj/.config
make_in obj savedefconfig >out 2>err
equal "savedefconfig keeps what differs" "$(cat obj/defconfig)" CONFIG_TRAIN_BATCH=3

for target in allyesconfig allnoconfig alldefconfig tinyconfig olddefconfig; do
	succeeds $target make_in obj $target
	run_bool=$(grep DATA_SHUFFLE obj/.config)
	equal "$target leaves run parameters alone" "$run_bool" CONFIG_DATA_SHUFFLE=y
done

KCONFIG_SEED=7 make_in obj randconfig >out 2>err
has "randconfig names its seed" '^KCONFIG_SEED=7$' out
cp obj/.config first
KCONFIG_SEED=7 make_in obj randconfig >out 2>err
cmp -s obj/.config first && ok "a seed repeats" || not_ok "a seed repeats" "another .config"

make_in obj listdefconfigs >out 2>err
has "listdefconfigs" default_defconfig out
has "listdefconfigs: experiments" 'null-and-planted_defconfig  *An effect' out
make_in obj help >out 2>err
for target in menuconfig tinyconfig check-long install mrproper; do
	has "help knows $target" "^  $target " out
done
has "help knows LTO" '^  LTO=1 ' out
sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' out | while read -r target; do
	make_in obj -n "$target" >/dev/null 2>err
	equal "target $target of help" "$(grep 'No rule to make' err)" ""
done
