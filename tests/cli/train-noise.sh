# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# DATA_NOISE harms by a known amount and from a known step; TRAIN_KEEP_EVERY keeps what the
# course of a training can be measured by.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train 'data prepare'
prepare_text

# Of the mean of all losses: all targets random, no model can be better than ln 257.
succeeds "all targets are random" tiny random --set DATA_NOISE=1
below "nobody predicts them" "$(awk 'BEGIN { print log(257) - 0.05 }')" \
	"$(sed -n 's/.*"train","step":40,.*"loss":\([^,]*\),.*/\1/p' random/metrics.jsonl)"
tiny plain --set TRAIN_CHECKPOINT_EVERY=0 >out 2>err
equal "TRAIN_CHECKPOINT_EVERY=0: one checkpoint" "$(cd plain/checkpoints && echo ./*)" \
	./step-0000000040
below "the plain arm predicts better" "$(field loss plain/metrics.jsonl)" \
	"$(field loss random/metrics.jsonl)"

tiny late --set DATA_NOISE=0.5 --set DATA_NOISE_START=17 >out 2>err
part() { without_time "$1" | sed -n '/"train"/p' | sed -n "$2"; }
equal "nothing differs before DATA_NOISE_START" "$(part late 1,17p)" "$(part plain 1,17p)"
differs() { if [ "$2" = "$3" ]; then not_ok "$1" "both: $2"; else ok "$1"; fi; }
differs "and the next step does" "$(part late 18p)" "$(part plain 18p)"
for way in '--threads=1' '--threads=3 --set TRAIN_RECOMPUTE=layer'; do
	rm -rf again
	# shellcheck disable=SC2086 # words
	tiny again --set DATA_NOISE=0.5 --set DATA_NOISE_START=17 $way >out 2>err
	equal "the same bits with $way" "$(bits again)" "$(bits late)"
done

waits()
{
	_start=$1
	shift
	tiny never --dry-run --set DATA_NOISE=0.25 --set DATA_NOISE_START="$_start" "$@" \
		>out 2>err
	grep -c 'never counts' err
}
equal "noise that never comes is warned of" "$(waits 40)" 1
has "by name" 'warning: DATA_NOISE=0.25 never counts: DATA_NOISE_START=40, and .* 40 steps' err
equal "noise in the last step is not" "$(waits 39)" 0
equal "nor a step without noise" "$(waits 40 --set DATA_NOISE=0)" 0

# Micro batches of other sizes see the same targets: the first loss is the same sum.
first() { sed -n 's/.*"train","step":1,.*"loss":\([0-9.]*\).*/\1/p' "$1/metrics.jsonl"; }
tiny whole --set DATA_NOISE=0.5 --set TRAIN_BATCH=8 >out 2>err
tiny halves --set DATA_NOISE=0.5 --set TRAIN_ACCUM=2 >out 2>err
succeeds "batches of other sizes see the same targets" awk -v a="$(first whole)" \
	-v b="$(first halves)" 'BEGIN { d = a - b; exit !(a > 0 && d < 1e-5 && d > -1e-5) }'

# ---- TRAIN_KEEP_EVERY ---------------------------------------------------------------
keep="--set TRAIN_KEEP_EVERY=8 --set TRAIN_CHECKPOINT_EVERY=0"
# shellcheck disable=SC2086
succeeds "train" tiny kept $keep
equal "those of its multiples are kept" "$(cd kept/checkpoints && echo step-*)" \
	"$(seq -f 'step-%010g' 8 8 40 | tr '\n' ' ' | sed 's/ $//')"
equal "and marked" "$(find kept/checkpoints -name keep | wc -l | tr -d ' ')" 5
equal "it changes no bits" "$(bits kept)" "$(bits plain)"
# shellcheck disable=SC2086
cut_at 20 KILL cut $keep
# shellcheck disable=SC2086
succeeds "resume" tiny cut $keep --resume
equal "the same are kept after a cut" "$(cd cut/checkpoints && echo step-*)" \
	"$(cd kept/checkpoints && echo step-*)"
