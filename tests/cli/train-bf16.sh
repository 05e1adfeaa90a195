# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# Training in bf16: the same bits again, with other numbers of threads, cut and resumed,
# with layers recomputed, on memory that only kernels may touch; and nearly the loss of f32.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train 'data prepare' 'eval loss'
prepare_text

# half RUN ARG...: the tiny model in bf16
half()
{
	_name=$1
	shift
	tiny "$_name" --set TRAIN_DTYPE=bf16 "$@"
}

succeeds "f32" tiny f32
for family in gpt2 llama; do
	succeeds "$family in bf16" half "$family" --set MODEL_FAMILY=$family -t 1
	want=$(bits $family)
	for threads in 2 4; do
		succeeds "$family, $threads threads" \
			half "$family-$threads" --set MODEL_FAMILY=$family -t $threads
		equal "$family, $threads threads: bits" "$(bits "$family-$threads")" "$want"
	done
	succeeds "$family, recomputed" \
		half "$family-again" --set MODEL_FAMILY=$family --set TRAIN_RECOMPUTE=layer
	equal "$family, recomputed: bits" "$(bits "$family-again")" "$want"
done
want=$(bits gpt2)

# Killed behind its first checkpoint.
"$KNLP" train -q --data data --run cut --config tiny.config --set TRAIN_DTYPE=bf16 >out 2>err &
pid=$!
while [ ! -d cut/checkpoints/step-0000000015 ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
succeeds "going on" tiny cut --resume --set TRAIN_DTYPE=bf16
equal "going on: bits" "$(bits cut)" "$want"

# near A B LIMIT: numbers that differ by less than a fraction
near()
{
	awk -v a="$1" -v b="$2" -v limit="$3" 'BEGIN { d = a / b - 1; exit !(d < limit && -d < limit) }'
}

loss=$(field loss gpt2/metrics.jsonl)
succeeds "the loss is near that of f32 ($loss)" near "$loss" "$(field loss f32/metrics.jsonl)" 0.01
not_same=$(bits f32)
[ "$not_same" != "$want" ] && ok "bf16 is not f32" || not_ok "bf16 is not f32" "same bits"

# A checkpoint of a training in bf16 is an f32 model like any other.
succeeds "evaluation in f32" "$KNLP" eval loss -d data --json gpt2
succeeds "its loss is near the training's" near "$(field loss out)" "$loss" 0.01
