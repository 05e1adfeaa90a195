# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Measures of an experiment: at shares, verified, damaged, and those that cannot work.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"
. "$SRCTREE/tests/experiment-lib.sh"

needs run train 'data prepare' 'eval loss'
prepare_text
experiment ./exp
echo CONFIG_TRAIN_KEEP_EVERY=10 >>exp/defconfig
cat >>exp/plan.yaml <<'END'
measure:
  - name: loss
    run: [eval, loss, "{model}", --data, "{data}", --json]
  - {name: base, run: [info, "{model}", --json], in: baseline}
at: [0.25, 0.5, 1]
END
sed -i 's/from: eval.loss/from: loss.loss/' exp/plan.yaml

# plan NAME SED: ./NAME, with an edited plan
plan()
{
	cp -r exp "$1"
	sed -i "s/^experiment: exp/experiment: $1/; $2" "$1/plan.yaml"
}

# loss ARM SEED: what the measure says at the end
loss() { sed -n 's/.*"loss":\([0-9.]\{8\}\).*/\1/p' "run/cells/$1/seed-$2/measure/loss.json"; }

# ---- at shares ---------------------------------------------------------------------

succeeds "measures at shares" "$KNLP" run ./exp --out run --json
equal "each cell at each share" "$(find run/cells -name loss.json | wc -l)" 18
equal "what is in the baseline only" "$(find run/cells -name base.json | grep -c '/plain/') of $(find \
	run/cells -name base.json | wc -l)" "6 of 6"
equal "the measure is that of the end" "$(sed 's/.*"arm":"plain","seed":3,[^}]*"value":\([0-9.]\{8\}\).*/\1/' \
	out)" "$(loss plain 3)"
succeeds "--estimate" "$KNLP" run ./exp --estimate
has "--estimate: says what it does not know" '^and so do 24 measures, whose time is not known$' out

plan other 's/\[0.25, 0.5, 1\]/[0.3, 1]/'
fails "a share without a checkpoint" 1 "'at': 0.3 is step 12 of 'plain', and TRAIN_KEEP_EVERY=10" \
	"$KNLP" run ./other --out no

# ---- --verify ----------------------------------------------------------------------

succeeds "--verify" "$KNLP" run --verify run plain 3
has "--verify: the same numbers" '^measured again: the same numbers$' out
equal "--verify: at each share" "$(grep '^loss.loss at ' out | tr '\n' ' ')" \
	"loss.loss at 0.25 loss.loss at 0.5 loss.loss at 1 "
succeeds "--verify: not of the baseline" "$KNLP" run --verify run fast 5 --json
has "--verify: as JSON" '"measures":3,"numbers":\["loss.loss at 0.25",' out
cp -r run forged
sed -i 's/"loss":[0-9]/"loss":9/' forged/cells/fast/seed-5/measure/at-0.5/loss.json
fails "--verify: a forged measure" 1 'fast/seed-5: the measured loss.loss at 0.5 differs: it is 9' \
	"$KNLP" run --verify forged fast 5
equal "--verify: nothing is left of it" "$(find forged -name 'verify*')" ""
find forged \( -name loss.json -o -name base.json \) -exec rm {} +
succeeds "--verify: without measures" "$KNLP" run --verify forged fast 5
has "--verify: says so" '^its measures are not there yet: nothing of them was verified$' out

# ---- answers that were damaged -----------------------------------------------------

cp -r run torn
before=$(loss fast 5) dir=torn/cells/fast/seed-5/measure
head -c 20 $dir/loss.json >half && cp half $dir/loss.json
# The share on the way is of a measure that no number is read of.
: >torn/cells/plain/seed-3/measure/at-0.5/base.json
if "$KNLP" report -h >/dev/null 2>&1; then
	succeeds "damaged answers: the report" "$KNLP" report torn --format json -o torn.json
	has "damaged answers: have failed" '"arm":"fast","seed":5,"state":"failed"' torn.json
	has "damaged answers: by name" 'seed-5.measure.loss.json:[01]: ' torn.json
fi
succeeds "damaged answers: measured again" "$KNLP" run torn --resume
has "damaged answers: it says so" 'seed-5/measure/loss.json:.*: measured again$' err
equal "damaged answers: the same number" \
	"$(sed -n 's/.*"loss":\([0-9.]\{8\}\).*/\1/p' $dir/loss.json)" "$before"
has "damaged answers: of the other, too" '^{' torn/cells/plain/seed-3/measure/at-0.5/base.json
sed -i 's/"loss":/"lost":/' $dir/loss.json
succeeds "a number that is gone: measured again" "$KNLP" run -q torn --resume
equal "a number that is gone: it is there" \
	"$(sed -n 's/.*"loss":\([0-9.]\{8\}\).*/\1/p' $dir/loss.json)" "$before"

# ---- those that cannot work --------------------------------------------------------

# wrong NAME SED TEXT: refused before anything is trained, also by --estimate
wrong()
{
	rm -rf other
	plan other "$2"
	fails "$1" 1 "other/plan.yaml: measure 'loss': $3" "$KNLP" run ./other --out no
	fails "$1, --estimate" 1 "$3" "$KNLP" run ./other --estimate
}
wrong "no such command" 's/eval, loss/eval, lss/' "unknown command 'eval lss': did you mean 'eval loss'?"
wrong "no such option" 's/--data/--dta/' "eval loss: unknown option '--dta': did you mean '--data'?"
wrong "no --json" 's/"{data}", --json/"{data}"/' 'eval loss: --json is missing'
wrong "no model" 's/"{model}", --data/--data/' 'eval loss: .* is missing'
wrong "a value out of range" 's/--data,/--threads, -1, --data,/' "eval loss: option '--threads': -1 is not in 1"
if "$KNLP" sweep -h >/dev/null 2>&1; then
	fails "a sweep, too" 1 "option '--threads'" "$KNLP" sweep other/ --param TRAIN_LR \
		--values 1e-3,2e-3 --out no
fi
equal "nothing was begun" "$(ls -d no 2>/dev/null)" ""

# What only the first cell shows stops the others: six cells of 40 steps are not trained for it.
rm -rf other
plan other 's/from: loss.loss/from: loss.nothing/'
fails "no such number" 1 "no: stopped, for all cells would fail like this one: arm 'plain', seed 3: \
.*loss.json: it holds nothing called 'nothing'" "$KNLP" run ./other --out no
equal "one cell was trained" "$(find no/cells -name manifest.yaml | wc -l)" 1
fails "it stays so" 1 'would fail like this one' "$KNLP" run no --resume
equal "still one" "$(find no/cells -name manifest.yaml | wc -l)" 1
rm -rf other no
plan other 's/eval, loss, "{model}", --data, "{data}", --json/completion, bash/'
fails "no JSON" 1 "stopped, for all .*: measure 'loss' printed no JSON object" "$KNLP" run ./other --out no
# A file that is not there is found by each cell for itself: others may have it.
rm -rf other no
plan other 's/"{data}", --json/"{data}-none", --json/'
fails "a measure that fails" 1 '6 of 6 cells failed' "$KNLP" run ./other --out no
