# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Compiled as one piece when it is linked, the program finds all that registers itself,
# passes its tests and trains.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

make_in obj check_defconfig >out 2>err
if ! make_in obj -j"$(nproc)" LTO=1 tests >out 2>err; then
	not_ok "LTO=1" "build: $(brief err)"
	exit 0
fi
has "made with -flto" 'flto' obj/.knlp.cmd
if obj/knlp-test >out 2>&1; then
	ok "LTO=1: knlp-test"
else
	not_ok "LTO=1: knlp-test" "$(grep ':[EF]:' out | head -n 3 | tr '\n' ' ')"
fi
KNLP=$PWD/obj/knlp
english >text
succeeds "LTO=1: data prepare" "$KNLP" data prepare -q -i text -t byte -o data --piece-bytes 1000
succeeds "LTO=1: trains" tiny run
has "LTO=1: learns" '"event":"eval","step":40,.*"loss":[0-9]' run/metrics.jsonl
