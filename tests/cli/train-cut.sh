# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# A file that is cut short while it is in use ends a run with a line that names it, and
# with no signal.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train 'data prepare'
prepare_text

tiny run --set TRAIN_TOKENS=90M --set TRAIN_EVAL_EVERY=0 >out 2>err &
pid=$!
while [ "$(lines run)" -lt 3 ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
truncate -s 1100 data/train_*.bin
wait $pid
equal "training on a shard that is cut: exit code" $? 1
has "training on a shard that is cut: message" 'data/train_000000.bin: was cut .* in use' err
equal "training on a shard that is cut: in one line" "$(grep -c -v warning: err)" 1
