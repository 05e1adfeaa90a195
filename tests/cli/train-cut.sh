# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# A file that is cut short while it is in use ends a run with a line that names it, and
# with no signal.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

for command in train 'data prepare'; do
	# shellcheck disable=SC2086
	"$KNLP" $command -h >out 2>err || { skip cut "no knlp $command"; exit 0; }
done
english >text
"$KNLP" data prepare -q --input text --tokenizer byte --out data --piece-bytes 1000 >out 2>err

tiny run --set TRAIN_TOKENS=90M --set TRAIN_EVAL_EVERY=0 >out 2>err &
pid=$!
while [ "$(lines run)" -lt 3 ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
truncate -s 1100 data/train_*.bin
wait $pid
equal "training on a shard that is cut: exit code" $? 1
has "training on a shard that is cut: message" 'data/train_000000.bin: was cut .* in use' err
equal "training on a shard that is cut: in one line" "$(grep -c -v warning: err)" 1
