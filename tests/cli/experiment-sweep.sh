# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Tuning one parameter on the baseline, and the check at half and double.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"
. "$SRCTREE/tests/experiment-lib.sh"

needs sweep run train 'data prepare'
prepare_text
experiment ./exp

# mean RUN ARM: of the last held-out losses of its cells, from their logs
mean()
{
	for _log in "$1/cells/$2"/seed-*/metrics.jsonl; do
		sed -n 's/.*"event":"eval","step":40,.*"loss":\([0-9.]*\).*/\1/p' "$_log" | tail -n 1
	done | awk '{ s += $1 } END { printf "%.9f", s / NR }'
}

succeeds "a sweep" "$KNLP" sweep ./exp --param TRAIN_WARMUP --values 40,2,20 --out sweep --jobs 2
has "its table" '^TRAIN_WARMUP .* mean .* SD$' out
has "the check" '^arm .* half .* best .* double$' out
best=$(sed -n 's/^\([0-9]*\) .*  best$/\1/p' out)
want=$(for value in 40 2 20; do echo "$(mean sweep/tune $value) $value"; done | sort -n |
	sed -n '1s/.* //p')
equal "the best value is that with the lowest mean" "$best" "$want"
equal "a cell for each value and seed" "$(find sweep/tune/cells -name manifest.yaml | wc -l)" 6
warmup()
{
	sed -n 's/^CONFIG_TRAIN_WARMUP=//p' "sweep/check/arms/$1.config"
}
equal "half, best and double" "$(warmup fast-half) $(warmup fast-best) $(warmup plain-double)" \
	"$((best / 2)) $best $((best * 2))"
equal "arms keep what is theirs" "$(sed -n 's/^CONFIG_TRAIN_LR=//p' sweep/check/arms/fast-half.config)" \
	'"0.006"'
equal "controls are not checked" "$(find sweep/check/arms -name 'twin*')" ""
"$KNLP" version | grep -q ' REPORT' && {
	has "its page" '<svg' sweep/sweep.html
	equal "its axis has the values" "$(sed -n 's/^<text class="x".*>\([0-9]*\)<.*/\1/p' \
		sweep/sweep.html | sort -n | tr '\n' ' ')" "2 20 40 "
	has "what it was made of" "Hash of its files" sweep/sweep.md
	fails "a sweep is no run" 1 'sweep is a sweep: see sweep/sweep.html' "$KNLP" report sweep
	has "its text" "TRAIN.*WARMUP=$best gives the best held-out loss" sweep/sweep.md
}
fails "a sweep is not run over" 1 'holds a sweep already' \
	"$KNLP" sweep ./exp --param TRAIN_WARMUP --values 40,2,20 --out sweep
fails "nothing to go on with" 1 'holds no sweep' \
	"$KNLP" sweep ./exp --param TRAIN_WARMUP --values 40,2 --out none --resume
succeeds "a finished one is shown" "$KNLP" sweep ./exp --param TRAIN_WARMUP --values 40,2,20 \
	--out sweep --resume --json
has "as JSON" "\"best\":\"$best\",\"tune\":\[{\"value\":\"40\"" out
find sweep/plans -type f -exec cksum {} + | sort >plans
fails "other values are another sweep" 1 \
	'sweep/tune began with other values, .*: with 40, 2, 20, and 2 seeds; go on with those' \
	"$KNLP" sweep ./exp --param TRAIN_WARMUP --values 40,2,10 --out sweep --resume
fails "so are other seeds" 1 'sweep/tune began with other values, seeds' "$KNLP" sweep ./exp \
	--param TRAIN_WARMUP --values 40,2,20 --seeds 1 --out sweep --resume
equal "what is refused changes no plan" "$(find sweep/plans -type f -exec cksum {} + | sort)" \
	"$(cat plans)"
no_remains "what is refused leaves nothing temporary" sweep
fails "two at once" 1 'sweep is in use by process' flock sweep/lock \
	"$KNLP" sweep ./exp --param TRAIN_WARMUP --values 40,2,20 --out sweep --resume

"$KNLP" sweep -q ./exp --param TRAIN_WARMUP --values 40,2,20 --out cut >/dev/null 2>&1 &
pid=$!
while [ "$(all_lines cut/tune)" -lt 100 ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
kill -KILL $pid
wait $pid 2>/dev/null
children_gone cut/tune
succeeds "a sweep that was killed goes on" "$KNLP" sweep -q ./exp --param TRAIN_WARMUP \
	--values 40,2,20 --out cut --resume
same_cells "killed" sweep/tune cut/tune
same_cells "killed" sweep/check cut/check

# The plan names TRAIN_LR: what arms differ in is no baseline's.
fails "what arms differ in" 1 'arms differ in TRAIN_LR' \
	"$KNLP" sweep ./exp --param TRAIN_LR --values 1e-3,3e-3 --out no
sed -i 's/  fast: .*//; s/, TRAIN_MIN_LR//; s/TRAIN_LR/OPTIM_BETA1/' exp/plan.yaml
rm exp/fast.config
succeeds "a grid" "$KNLP" sweep ./exp --param TRAIN_LR --grid 1e-4:1e-2:3 --out grid --no-check \
	--seeds 1
has "it rises by a factor" '^0.0001 ' out
has "its middle" '^0.001 ' out
has "the best value is the last" '^TRAIN_LR=0.01 is the largest of the values' out
equal "one seed" "$(find grid/tune/cells -name manifest.yaml | wc -l)" 3

# So far below any good rate, twice the best of the values is better still.
succeeds "values that are too small" "$KNLP" sweep ./exp --param TRAIN_LR --values 1e-5,2e-5 \
	--seeds 1 --out low
has "the baseline's own check" '^The baseline is better at twice the best value, by ' out

# Without noise, nothing begins anywhere.
succeeds "a parameter without effect" "$KNLP" sweep ./exp --param DATA_NOISE_START \
	--values 10,1000 --out flat
has "it makes no difference" '^DATA_NOISE_START makes no difference: all values gave' out
equal "none is the best, nor at an end" "$(grep -c 'best' out)" 0
equal "there is nothing to check" "$(find flat -maxdepth 1 -name '*check*')" ""

cat >>exp/defconfig <<'END'
CONFIG_OPTIM_NAME="sgd"
CONFIG_OPTIM_CLIP="0"
CONFIG_TRAIN_WARMUP=0
END
sed -i '/WARMUP=4/d' exp/defconfig
succeeds "a value that diverges" "$KNLP" sweep ./exp --param TRAIN_LR --values 0.01,10 \
	--out hot --no-check --seeds 1
has "it has no number" '^10  *-  *-' out
has "it is told" '^TRAIN_LR=10 failed: ' out
has "it is not the best" '^0.01 .* best$' out
succeeds "words" "$KNLP" sweep ./exp --param OPTIM_NAME --values adamw,sgd --out words --seeds 1 --json
has "words have no half" '"check":\[\]' out

no="$KNLP sweep ./exp --out no"
# shellcheck disable=SC2086
{
	fails "no data" 1 'nowhere: no such data folder' $no --param TRAIN_LR --values 1e-3,3e-3 \
		--data nowhere
	fails "an unknown parameter" 2 'TRAIN_RL: did you mean TRAIN_LR' $no --param TRAIN_RL --values 1,2
	fails "what is measured" 2 'TRAIN_EVAL_TOKENS changes what is measured' $no \
		--param TRAIN_EVAL_TOKENS --values 2k,4k
	fails "what measures read" 2 'FIM_SEED changes what is measured' $no --param FIM_SEED --values 2,3
	fails "the budget" 2 'TRAIN_TOKENS is the budget' $no --param TRAIN_TOKENS --values 2k,4k
	fails "a seed" 2 'TRAIN_SEED is nothing to tune' $no --param TRAIN_SEED --values 1,2
	fails "a local one" 2 'RUN_THREADS is nothing to tune' $no --param RUN_THREADS --values 1,2
	fails "one value" 2 'one value is no choice' $no --param TRAIN_LR --values 1e-3
	fails "a value twice" 2 '0.001 is there twice' $no --param TRAIN_LR --values 1e-3,0.001
	fails "a value out of range" 2 '0..10' $no --param TRAIN_LR --values 1e-3,11
	fails "no values" 2 'either --values or --grid' $no --param TRAIN_LR
	fails "a grid that is rounded" 2 '1:3:9, rounded to whole numbers: TRAIN_WARMUP: 1 is there twice' \
		$no --param TRAIN_WARMUP --grid 1:3:9
	fails "a grid that is none" 2 "not '1:2'" $no --param TRAIN_LR --grid 1:2
	fails "a grid of words" 2 'OPTIM_NAME is no number' $no --param OPTIM_NAME --grid 1:2:3
	fails "no parameter" 2 'param is missing' $no --values 1,2
	fails "more seeds than the plan has" 2 'seeds=3: .* has 2' $no --param TRAIN_LR --values 1,2 --seeds 3
}
equal "what is refused leaves nothing" "$(find no 2>/dev/null)" ""
mkdir mine && touch mine/text
fails "a folder with other files" 1 "is not empty ('text')" \
	"$KNLP" sweep ./exp --out mine --param TRAIN_LR --values 1e-3,2e-3
