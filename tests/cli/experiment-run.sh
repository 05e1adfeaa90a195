# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Running an experiment: the matrix, what is refused, cuts, failures.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"
. "$SRCTREE/tests/experiment-lib.sh"

needs run train 'data prepare'
prepare_text
sed -i 's/CHECKPOINT_EVERY=15/CHECKPOINT_EVERY=5/' tiny.config
experiment ./exp

# ---- the matrix --------------------------------------------------------------------

succeeds "an experiment runs" "$KNLP" run ./exp --out whole
has "its table: baseline" '^plain  baseline ' out
has "its table: means and seeds" '^arm .* mean .* seed 3 .* seed 5$' out
has "and what became of the arm" '^fast: [a-z].*: gain .* nats/token, n = 2, p = ' out
equal "six cells" "$(find whole/cells -name manifest.yaml | wc -l)" 6
has "the plan is copied" 'hypothesis: A higher rate' whole/plan/plan.yaml
has "the manifest has the plan's hash" '^plan_hash:' whole/experiment.yaml
equal "arms of one seed see the same data" "$(sed -n '1s/.*"loss":\([^,]*\).*/\1/p' \
	whole/cells/plain/seed-3/metrics.jsonl)" "$(sed -n '1s/.*"loss":\([^,]*\).*/\1/p' \
	whole/cells/fast/seed-3/metrics.jsonl)"
equal "A/A: the same bits" "$(bits whole/cells/plain/seed-3)" "$(bits whole/cells/twin/seed-3)"
equal "A/A: the same log" "$(without_time whole/cells/plain/seed-5)" \
	"$(without_time whole/cells/twin/seed-5)"
succeeds "a finished run is shown" "$KNLP" run ./exp --out whole --resume --json
equal "all cells are done" "$(field cells_done out)" 6
equal "its value is that of the log" "$(sed 's/.*"arm":"fast","seed":5,[^}]*"value":\([0-9.]*\).*/\1/' \
	out)" "$(sed -n 's/.*"event":"eval","step":40,.*"loss":\([0-9.]*\).*/\1/p' \
	whole/cells/fast/seed-5/metrics.jsonl)"

# A seed that one arm lacks is in no mean: others would be compared over other seeds.
cp -r whole some
rm -rf some/cells/fast/seed-5
touch some/cells/fast/seed-5
fails "a cell that cannot begin" 1 "some: 1 of 6 cells failed: arm 'fast', seed 5: " \
	"$KNLP" run some --resume
equal "the mean is that of the other seed" \
	"$(sed -n 's/^plain *baseline *\([0-9.]*\) *\([0-9.]*\) *[0-9.]*$/\1/p' out)" \
	"$(sed -n 's/^plain *baseline *\([0-9.]*\) *\([0-9.]*\) *[0-9.]*$/\2/p' out)"
has "it says so" '^means: of the 1 seed that all arms have$' out
has "there is no verdict" '^fast: no verdict: 1 of 2 seeds failed; fast, seed 5: ' out

succeeds "two cells side by side" "$KNLP" run ./exp --out pairs --jobs 2 --threads 3
same_cells "side by side" whole pairs

# A cell is what `knlp train` makes of the arm's configuration.
succeeds "the same training by hand" "$KNLP" train -q -d data -r hand -c exp/defconfig \
	-c exp/fast.config --set TRAIN_SEED=5
equal "a cell has its bits" "$(bits whole/cells/fast/seed-5)" "$(bits hand)"

# ---- refused -----------------------------------------------------------------------

fails "a run is not run over" 1 'holds a run already' "$KNLP" run ./exp --out whole
mkdir other && touch other/mine
fails "a folder with other files" 1 "is not empty ('mine')" "$KNLP" run ./exp --out other
fails "an unknown experiment" 1 "no experiment 'nothing'" "$KNLP" run nothing
fails "no data" 1 'make it with `knlp data prepare`' "$KNLP" run ./exp --out no --data nowhere
fails "nothing to resume" 1 'no run' "$KNLP" run ./exp --out nowhere --resume
equal "what is refused leaves nothing" "$(ls -d no nowhere 2>/dev/null)" ""

cp -r exp unmatched
sed -i 's/experiment: exp/experiment: unmatched/' unmatched/plan.yaml
echo 'CONFIG_TRAIN_BATCH=8' >>unmatched/fast.config
fails "an arm outside the plan" 1 "fast.config: arm 'fast' changes TRAIN_BATCH: 8, 'plain' has 4" \
	"$KNLP" run ./unmatched --out no
sed -i 's/_BATCH=8/_TOKENS="6000"/' unmatched/fast.config
fails "an arm with another budget" 1 'changes TRAIN_TOKENS: 6000' "$KNLP" run ./unmatched --out no
sed -i '/TRAIN_TOKENS/d' unmatched/fast.config
echo 'CONFIG_RUN_VERBOSITY="quiet"' >>unmatched/fast.config
sed -i 's/, TRAIN_MIN_LR//' unmatched/plan.yaml
fails "an arm that differs by auto" 1 'changes TRAIN_MIN_LR: .* follows from `auto`' \
	"$KNLP" run ./unmatched --out no
sed -i 's/TRAIN_LR]/TRAIN_LR, TRAIN_MIN_LR]/; s/seed: /seeds: /' unmatched/plan.yaml
succeeds "local parameters may differ" "$KNLP" run ./unmatched --out unmatched-run

sed -i 's/A higher/The higher/' unmatched/plan.yaml
fails "a plan edited since" 1 'was edited since the run began (plan.yaml)' \
	"$KNLP" run ./unmatched --out unmatched-run --resume
fails "and asked for by its run" 1 'was edited since the run began (plan.yaml)' \
	"$KNLP" run unmatched-run --resume
echo >>whole/plan/fast.config
fails "a changed copy" 1 'whole/plan was changed (fast.config)' "$KNLP" run whole --resume
fails "other data" 1 'began with other data' sh -c \
	'tail -n 100 text >less && '"$KNLP"' data prepare -q -i less -t byte -o less-data \
	--piece-bytes 100 && '"$KNLP"' run pairs --resume --data less-data'

# ---- cuts --------------------------------------------------------------------------

kill_often 3 killed ./exp --jobs 2
same_cells "after SIGKILL" pairs killed
no_remains "nothing temporary is left" killed

run_until 90 TERM stopped ./exp --jobs 2
# shellcheck disable=SC2154 # run_until sets it
equal "SIGTERM: exit code" "$code" 1
has "SIGTERM: says how to go on" 'stopped with . of 6 cells done; go on with --resume' err
equal "SIGTERM: no cell failed" "$(find stopped -name '*.failed')" ""
children_gone stopped && ok "SIGTERM: no child is left" || not_ok "SIGTERM" "a child is left"
succeeds "goes on, asked for by its folder" "$KNLP" run -q stopped --resume
same_cells "after SIGTERM" pairs stopped

# ---- failures ----------------------------------------------------------------------

experiment ./hot
echo 'CONFIG_TRAIN_LR="10"' >hot/fast.config
cat >>hot/defconfig <<'END'
CONFIG_OPTIM_NAME="sgd"
CONFIG_OPTIM_CLIP="0"
CONFIG_OPTIM_MOMENTUM="0.99"
CONFIG_TRAIN_WARMUP=0
END
fails "a cell that diverges" 1 "hot-run: 2 of 6 cells failed: arm 'fast', seed 3: " \
	"$KNLP" run ./hot --out hot-run
has "the others are done" '^twin .* [0-9.]*  *[0-9.]*$' out
has "its table says so" '^fast .* failed  *failed$' out
has "no seed is in all arms: no means" '^plain  baseline  *-  *[0-9.]*  *[0-9.]*$' out
has "and no verdict" "^fast: no verdict: 2 of 2 seeds failed; fast, seed 3: " out
has "the reason is kept" 'NaN\|Inf\|finite' hot-run/cells/fast/seed-5.failed
fails "it is tried again" 1 '2 of 6 cells failed' "$KNLP" run hot-run --resume --json
equal "four are done" "$(field cells_done out)" 4

# ---- names -------------------------------------------------------------------------

mkdir -p defconfigs/experiments && cp -r exp defconfigs/experiments/
succeeds "an experiment by its name" "$KNLP" run -q exp
succeeds "--verify: by its name" "$KNLP" run --verify exp plain 3
equal "runs/NAME is its place" "$(find runs/exp -name experiment.yaml)" runs/exp/experiment.yaml
fails "names that there are" 1 "there are exp" "$KNLP" run exq
mkdir planless
fails "a folder without a plan" 1 'planless holds no experiment: there is no plan.yaml' "$KNLP" run planless

# ---- --verify ----------------------------------------------------------------------------------------

succeeds "--verify: a cell has the same bits" "$KNLP" run --verify pairs fast 5
has "--verify: the cell" "arm 'fast', seed 5: the same bits" out
has "--verify: the log" '^metrics.jsonl$' out
has "--verify: the weights" '^step-0000000040/model.safetensors$' out
has "--verify: the optimizer" '^step-0000000035/optimizer.safetensors$' out
succeeds "--verify: by default the baseline, where there is no primary arm" \
	"$KNLP" run --verify pairs --threads 1 --json
has "--verify: as JSON" '"arm":"plain","seed":3,"same":true,"files":\["metrics.jsonl"' out
equal "--verify: nothing is left" "$(find pairs -name 'verify*')" ""

cp -r pairs forged
model=forged/cells/fast/seed-5/checkpoints/step-0000000040/model.safetensors
printf x | dd of=$model bs=1 seek=5000 conv=notrunc 2>/dev/null
fails "--verify: an altered weight" 1 "$model differs: its checksum is" \
	"$KNLP" run --verify forged fast 5
sed -i '/"event":"train","step":7,/s/"loss":[0-9]/"loss":9/' forged/cells/plain/seed-3/metrics.jsonl
fails "--verify: an altered loss" 1 "plain/seed-3/metrics.jsonl differs: 'event \"train\" step 7 " \
	"$KNLP" run --verify forged plain 3
sed -i 's/^- linear .*/- linear cpu\/other/' forged/cells/twin/seed-3/manifest.yaml
fails "--verify: other kernels" 1 'trained with other kernels (.linear cpu/other.): with --force' \
	"$KNLP" run --verify forged twin 3
succeeds "--verify: other kernels, all the same" "$KNLP" run --verify forged twin 3 --force
fails "--verify: other data" 1 'pairs began with other data: hash .* in less-data' \
	"$KNLP" run --verify pairs fast 5 --data less-data
fails "--verify: not trained" 1 'it is failed: only a trained cell' "$KNLP" run --verify hot-run fast 3
fails "--verify: an unknown arm" 2 "has no arm 'slow'" "$KNLP" run --verify pairs slow 3
fails "--verify: an unknown seed" 2 'has no seed 4' "$KNLP" run --verify pairs fast 4
fails "--verify: no seed" 2 'SEED is missing' "$KNLP" run --verify pairs fast

# ---- configurations that were changed ----------------------------------------------------------------

cp -r pairs changed
rm -r changed/cells/fast
cp changed/arms/fast.config saved
sed -i 's/^CONFIG_OPTIM_WEIGHT_DECAY=.*/CONFIG_OPTIM_WEIGHT_DECAY="0.9"/' changed/arms/fast.config
fails "an arm that was changed" 1 'changed/arms/fast.config has the hash .*it was changed after' \
	"$KNLP" run changed --resume
# The same training by hand, and the file as it was: all that is left is in the cell.
"$KNLP" train -q -d data -r changed/cells/fast/seed-3 -c changed/arms/fast.config \
	--set TRAIN_SEED=3 >out 2>err
fails "--verify: an arm that was changed" 1 'changed/arms/fast.config has the hash' \
	"$KNLP" run --verify changed fast 3
cp saved changed/arms/fast.config
succeeds "goes on" "$KNLP" run -q changed --resume
has "and warns" "seed-3 has another configuration than its arm 'fast'" err
fails "--verify: trained with another configuration" 1 \
	"seed-3 has another configuration than its arm 'fast': OPTIM_WEIGHT_DECAY is 0.9, not" \
	"$KNLP" run --verify changed fast 3
if "$KNLP" report -h >/dev/null 2>&1; then
	has "its report says so" '^> \*\*1 of 6 cells are not known to have the configuration' \
		changed/report.md
	has "and its JSON" '"config_doubt":"changed/cells/fast/seed-3 has another' changed/report.json
	equal "others have no such warning" "$(grep -c 'are not known' pairs/report.md)" 0
fi

# ---- --estimate ------------------------------------------------------------------------------------

succeeds "--estimate" "$KNLP" run ./exp --estimate
has "--estimate: all cells" '^6 cells (3 arms, 2 seeds), 1 at a time$' out
has "--estimate: what is not in it" '; starting and saving come on top$' out
succeeds "--estimate: as JSON" "$KNLP" run ./exp --estimate --json --jobs 2
equal "--estimate: tokens" "$(field tokens out)" 30720
"$KNLP" train --dry-run --json -d data -c exp/defconfig >plan 2>err
equal "--estimate: the work of a step" "$(field flops_per_step out)" "$(field flops_per_step plan)"
below "--estimate: a time" "$(field seconds out)" 100
succeeds "--estimate: more jobs than cells" "$KNLP" run ./exp --estimate --jobs 100 --threads 1
has "--estimate: no more than cells" '^6 cells (3 arms, 2 seeds), 6 at a time' out
has "--estimate: their memory" "$(awk '$1 == "plain" { printf "%.0f", 6 * $5 }' out)" out

# ---- those that come with knlp -----------------------------------------------------

for dir in "$SRCTREE"/defconfigs/experiments/*/; do
	fails "$(basename "$dir"): its plan is good" 1 'there is no data in nowhere\|built without' \
		"$KNLP" run "$dir" --data nowhere
	has "$(basename "$dir"): its name" "^CONFIG_RUN_EXPERIMENT=\"$(basename "$dir")\"\$" \
		"$dir/defconfig"
done
