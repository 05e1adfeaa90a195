# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Configurations that kconfig would silently change are refused, by symbol and reason,
# and leave the .config of before as it was.
. "$SRCTREE/tests/lib.sh"

# A source tree that differs in its defconfigs only.
mkdir src obj
for f in "$SRCTREE"/*; do
	case ${f##*/} in build*) ;; *) ln -s "$f" src/ ;; esac
done
rm src/defconfigs
cp -r "$SRCTREE/defconfigs" src/
SRCTREE_WAS=$SRCTREE SRCTREE=$PWD/src

# refuses NAME TEXT [ARG...]: reads the defconfig from stdin
refuses()
{
	_test=$1 _text=$2
	shift 2
	cat >src/defconfigs/bad_defconfig
	fails "$_test" 2 "$_text" make_in obj bad_defconfig "$@"
	cmp -s obj/.config kept || not_ok "$_test: .config" "it was changed"
}

succeeds "a good one" make_in obj default_defconfig
cp obj/.config kept

refuses "unknown symbol" 'CONFIG_NO_SUCH_THING: unknown symbol' <<'END'
CONFIG_NO_SUCH_THING=y
END
refuses "unknown symbol that is not set" 'CONFIG_NO_SUCH_THING: unknown symbol' <<'END'
# CONFIG_NO_SUCH_THING is not set
END
refuses "out of range" 'CONFIG_TRAIN_BATCH=0: out of range 1\.\.' <<'END'
CONFIG_TRAIN_BATCH=0
END
refuses "string without quotes" 'CONFIG_TRAIN_LR=0.001: .*quote' <<'END'
CONFIG_TRAIN_LR=0.001
END
refuses "text for an int" 'CONFIG_TRAIN_BATCH=many: is an int' <<'END'
CONFIG_TRAIN_BATCH=many
END
refuses "quotes around an int" 'CONFIG_TRAIN_BATCH="8": is an int' <<'END'
CONFIG_TRAIN_BATCH="8"
END
refuses "neither y nor n" 'CONFIG_DEBUG_INFO=maybe: is a bool' <<'END'
CONFIG_DEBUG_INFO=maybe
END
refuses "text for a float" 'CONFIG_TRAIN_LR' <<'END'
CONFIG_TRAIN_LR="fast"
END
refuses "float out of range" 'CONFIG_TRAIN_LR' <<'END'
CONFIG_TRAIN_LR="-1"
END
refuses "unmet dependency" 'CONFIG_LTO=y: needs !CC_IS_CLANG' CC=clang <<'END'
CONFIG_LTO=y
END
refuses "what only follows" 'CONFIG_CC_IS_CLANG=y: cannot be set' <<'END'
CONFIG_CC_IS_CLANG=y
END
refuses "given twice" 'CONFIG_DEBUG_INFO: given twice, in lines 1 and 2' <<'END'
CONFIG_DEBUG_INFO=y
# CONFIG_DEBUG_INFO is not set
END
refuses "a line that is none" 'line 1: not understood' <<'END'
TRAIN_BATCH=8
END

printf '%s\n' CONFIG_NO_SUCH_THING=y CONFIG_TRAIN_BATCH=0 'CONFIG_TRAIN_LR="fast"' \
	>src/defconfigs/bad_defconfig
make_in obj bad_defconfig >out 2>err
equal "one line for each problem" "$(grep -c 'bad_defconfig: ' err)" 3
fails "no such defconfig" 2 'there is no missing_defconfig' make_in obj missing_defconfig

# Editing .config by hand is watched in the same way.
echo CONFIG_TRAIN_BATCH=0 >>obj/.config
cp obj/.config kept
fails "hand-edited: given twice" 2 'CONFIG_TRAIN_BATCH: given twice' make_in obj scripts/kbuild/fixdep
cp obj/.config.old obj/.config 2>/dev/null
make_in obj default_defconfig >/dev/null 2>&1
sed -i 's/^CONFIG_TRAIN_BATCH=.*/CONFIG_TRAIN_BATCH=0/' obj/.config
cp obj/.config kept
fails "hand-edited: out of range" 2 'CONFIG_TRAIN_BATCH=0: out of range' make_in obj scripts/kbuild/fixdep
cmp -s obj/.config kept && ok "the edited .config stays" || not_ok "the edited .config stays" "changed"
succeeds "olddefconfig drops it" make_in obj olddefconfig
has "and says so" 'CONFIG_TRAIN_BATCH=0' err

SRCTREE=$SRCTREE_WAS
