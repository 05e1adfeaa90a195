# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# Experiments on a given model: nothing is trained, arms and seeds are ways to measure it.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"
. "$SRCTREE/tests/experiment-lib.sh"

needs run train prune 'data prepare' 'eval loss'
prepare_text
succeeds "a model" tiny model --set=TRAIN_TOKENS=20k
succeeds "another one" tiny other --set=TRAIN_TOKENS=10k

mkdir exp
: >exp/defconfig
echo 'CONFIG_PRUNE_CRITERION="random"' >exp/random.config
cat >exp/plan.yaml <<'END'
experiment: exp
hypothesis: chance is as good as magnitude
model: model
data: data
metric: {name: held-out loss, from: loss.loss, better: lower, unit: nats/token}
delta: 0.01
seeds: [1, 2, 3, 4, 5]
vary: [PRUNE_CRITERION]
arms:
  magnitude: {role: baseline}
  twin:      {role: control, expect: same}
  random:    {role: primary}
measure:
  - {name: prune, run: [prune, --config, "{config}", --seed, "{seed}", --force,
                        --out, "{measure}/pruned", "{model}", --json]}
  - {name: loss, run: [eval, loss, --data, "{data}", "{measure}/pruned", --json]}
END

# ---- the plan ----------------------------------------------------------------------

# wrong NAME TEXT SED: an edited plan is refused
wrong()
{
	rm -rf bad
	cp -r exp bad
	sed -i "s/^experiment: exp/experiment: bad/; $3" bad/plan.yaml
	fails "$1" 1 "$2" "$KNLP" run ./bad --out no
}
wrong "shares of no training" "'at' are shares of a training, and with a .model. nothing" \
	"\$aat: [0.5, 1]"
wrong "the loss of no training" "'from' is eval.loss, and with a .model. nothing" \
	's/from: loss.loss/from: eval.loss/'
wrong "no model there" 'there is no model nowhere: say with --model where it is' \
	's/model: model/model: nowhere/'
wrong "arms that are the same" "arm 'twin' has the configuration of the baseline" \
	's/, expect: same//'
cp -r exp plain
sed -i 's/^experiment: exp/experiment: plain/; /^model:/d; s/loss.loss/eval.loss/' plain/plan.yaml
fails "--model: of a plan that trains" 1 'plain/plan.yaml names no .model.: each cell is trained' \
	"$KNLP" run ./plain --model other --out no
fails "a sweep" 1 'gives a model: a sweep tunes what is trained' "$KNLP" sweep ./exp \
	--param=PRUNE_POWER --values=0.1,0.2
succeeds "--estimate" "$KNLP" run ./exp --estimate
has "--estimate: what is known" '^15 cells (3 arms, 5 seeds): nothing is trained; 30 measures' out

# ---- the run -----------------------------------------------------------------------

succeeds "a run" "$KNLP" run ./exp --out run --jobs 2
has "the model is in its manifest" "^model: \"*$PWD/model\"*$" run/experiment.yaml
equal "nothing is trained" "$(find run -name metrics.jsonl)" ""
loss() { sed -n 's/.*"loss":\([0-9.]*\).*/\1/p' "$1"; }
"$KNLP" prune -q --criterion=random --seed=3 --out=by-hand model >/dev/null
"$KNLP" eval loss -q --data=data --json by-hand >by-hand.json
equal "a cell is what its commands say" "$(loss run/cells/random/seed-3/measure/loss.json)" \
	"$(loss by-hand.json)"
equal "the control" "$(loss run/cells/twin/seed-2/measure/loss.json)" \
	"$(loss run/cells/magnitude/seed-2/measure/loss.json)"
has "the verdict" 'not supported' run/report.md
lacks "no cost of trainings" 'Cost and data' run/report.md
has "the report names the model" "$PWD/model" run/report.md
lacks "no curves of trainings" 'Curves' run/report.html

# ---- going on, and verifying -------------------------------------------------------

cp run/report.json before.json
rm run/cells/random/seed-4/measure/loss.json run/cells/twin/seed-1/measure/*.json
succeeds "--resume" "$KNLP" run run --resume
equal "the same numbers" "$(grep -o '"value":[^,}]*' run/report.json)" \
	"$(grep -o '"value":[^,}]*' before.json)"
succeeds "--verify" "$KNLP" run --verify run random 4
has "--verify: the same numbers" '^measured again: the same numbers$' out
cp -r run forged
sed -i 's/"loss":[0-9]/"loss":9/' forged/cells/random/seed-5/measure/loss.json
fails "--verify: a forged measure" 1 'the measured loss.loss' \
	"$KNLP" run --verify forged random 5
rm run/cells/random/seed-4/measure/loss.json
fails "--verify: not measured" 1 'only a measured cell can be verified' \
	"$KNLP" run --verify run random 4
fails "--resume: another model" 1 'run began with another model' \
	"$KNLP" run run --resume --model other
mv model away
mv other model
fails "--verify: the model is another" 1 'run began with another model' \
	"$KNLP" run --verify run random 5
succeeds "--model: it is elsewhere now" "$KNLP" run run --resume --model away

# ---- the one that scripts/quickstart runs ------------------------------------------

succeeds "oneshot-tiny" "$KNLP" run "$SRCTREE/defconfigs/experiments/oneshot-tiny" --data data --model away --out tiny --jobs 2
equal "all of it is done" "$(find tiny -name loss.json | wc -l)" 20
has "what it claims something of" '^obd: .*: gain ' out
