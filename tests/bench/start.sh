# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# How long people wait: from the start of the command to the first token of a model of 100 MB
# whose file is in memory.
#
# The best of five, since other work on the machine only ever makes things slower.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

MOST=300	# ms

needs train "bench decode"
prepare_text || not_ok "the data" "$(brief err)"
# 12 d^2 weights a layer, 4 bytes each
"$KNLP" train -q --data data --run run --config tiny.config -s MODEL_LAYERS=8 \
	-s MODEL_WIDTH=512 -s MODEL_HEADS=8 -s TRAIN_BATCH=1 -s TRAIN_TOKENS=32 \
	-s TRAIN_EVAL_EVERY=0 >out 2>err || not_ok "the model" "$(brief err)"
model=$(newest run)/model.safetensors
bytes=$(wc -c <"$model")
[ "$bytes" -ge 100000000 ] || not_ok "the model" "has $bytes bytes"

for _ in 1 2 3 4 5; do
	"$KNLP" bench decode -q --json --context 8 --tokens 1 --warmup 0 run 2>err | tail -n 1 |
		sed -n 's/.*"first_token_ms":\([0-9.]*\).*/\1/p'
done | sort -n | head -n 1 >best
echo "# load: $(cut -d ' ' -f 1-3 /proc/loadavg)"
awk -v most="$MOST" 'END {
	if (NR != 1)
		print "not ok time to the first token: nothing was measured"
	else if ($1 > most)
		printf "not ok time to the first token: %.0f ms, %d were allowed\n", $1, most
	else
		printf "ok %.0f ms to the first token (at most %d)\n", $1, most
}' best
