# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# A GPT of 4 layers of width 128 learns real English within half a minute: not well, but
# beyond what a table of all pairs of bytes of that very text could.  tests/long has more.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

"$KNLP" train -h >out 2>err || { skip real-training "no knlp train"; exit 0; }
big_english real || { skip real-training "no English text on this machine"; exit 0; }
"$KNLP" data prepare -q --input real --tokenizer byte --out data >out 2>err

# Short windows and many steps learn fastest per token.
succeeds "train" "$KNLP" train -q --data data --run run --set MODEL_LAYERS=4 \
	--set MODEL_WIDTH=128 --set MODEL_HEADS=4 --set MODEL_CONTEXT=64 --set TRAIN_BATCH=12 \
	--set TRAIN_TOKENS=400k --set TRAIN_EVAL_EVERY=0 --set TRAIN_WARMUP=50
below "held-out nats per byte, against a table of pairs" \
	"$(field nats_per_byte run/metrics.jsonl)" "$(pair_entropy real)"
writes_words "generates words" run 25
