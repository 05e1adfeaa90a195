# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# What knlp train says before it begins and after it ended, and what --resume takes from
# the run.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train 'eval loss' 'data prepare'
prepare_text

# train ARG...: as tiny, with messages
train() { "$KNLP" train --config tiny.config "$@"; }
# planned ARG...: train --dry-run
planned() { train --data data --dry-run "$@"; }
giant='--set MODEL_WIDTH=8192 --set MODEL_LAYERS=96'

# ---- memory -------------------------------------------------------------------------
# shellcheck disable=SC2086
fails "a model that does not fit" 1 'needs 1.* TiB, .* available: .*TRAIN_RECOMPUTE=layer' \
	train -q --data data --run x $giant
equal "leaves nothing" "$(ls -d x 2>/dev/null)" ""
# shellcheck disable=SC2086
succeeds "--dry-run of it" planned $giant
has "warns" 'warning: this does not fit: .* available' err
has "says what there is" '^available  *[0-9.]* [KMGT]iB' out
succeeds "--dry-run of one that fits" planned
equal "has no warning" "$(cat err)" ""
planned --json >out 2>err
has "bytes_available" '"bytes_available":[0-9]' out
# The sanitizers reserve terabytes of address space.
# shellcheck disable=SC3045
if (ulimit -v 1000000; "$KNLP" version) >out 2>err; then
	(ulimit -v 1000000; train -q --data data --run x --threads 1 \
		--set MODEL_WIDTH=1024 --set MODEL_LAYERS=24) >out 2>err
	equal "a limit of the process counts" "$?-$(grep -c 'MiB are available' err)" 1-1
fi

# ---- the plan -----------------------------------------------------------------------
succeeds "train" train --data data --run base
has "begins with an overview" \
	'^knlp: [0-9,]* parameters, 5.12k tokens in 40 steps (0.[01] epochs), .*iB, .*thread' err
has "evaluations say of how many tokens" 'step 20: held-out loss .* nats/byte (.* tokens)' err
has "ends with the time" '^time  *[0-9].*, [0-9.]*k* tok/s$' out
has "the loss of training" '^train loss  *[0-9]' out
has "and the checkpoint" '^checkpoint  *base/checkpoints/step-0000000040$' out
equal "which is there" "$(newest base)" "base/checkpoints/step-0000000040"
tiny json --json >out 2>err
has "--json: the time" '"finished":true,.*"seconds":[0-9.]*,.*"checkpoint":"json/ch' out
succeeds "--dry-run with a long warm-up" planned --set TRAIN_WARMUP=40
has "warns of it" 'warning: TRAIN_WARMUP=40: all is warm-up' err
overlap='TRAIN_WARMUP=4 and TRAIN_DECAY_FRACTION=0.95 are more than all 40 steps'
succeeds "--dry-run of a decay into the warm-up" planned --set TRAIN_SCHEDULE=wsd \
	--set TRAIN_DECAY_FRACTION=0.95
has "warns of it" "warning: wsd has nothing stable: $overlap" err
planned --set TRAIN_SCHEDULE=wsd --set TRAIN_DECAY_FRACTION=0.9 >out 2>err
equal "of one that begins behind it" "$(grep -c 'nothing stable' err)" 0
succeeds "--dry-run of many epochs" planned --set TRAIN_TOKENS=90M
has "warns of them" 'warning: TRAIN_TOKENS takes the training text [0-9.]* times' err
fails "a rate that rises" 1 'TRAIN_MIN_LR 0.5 is above TRAIN_LR 0.1' \
	planned --set TRAIN_MIN_LR=0.5 --set TRAIN_LR=0.1
# With --init the model is that one, whatever the defaults are.
tiny llama --set MODEL_FAMILY=llama --set MODEL_KV_HEADS=1 >out 2>err
# of_plan: parameters of the model, from the JSON of --dry-run
of_plan() { sed -n 's/^{"parameters":\([0-9]*\),.*/\1/p' out; }
planned --json --set MODEL_FAMILY=llama --set MODEL_KV_HEADS=1 >out 2>err
want=$(of_plan)
models=llama
"$KNLP" convert -q llama llama-hf 2>err && models="llama llama-hf"
for model in $models; do
	succeeds "--dry-run --init $model" \
		"$KNLP" train -q --data data --dry-run --json --init "$model"
	equal "plans that model" "$(of_plan)" "$want"
	succeeds "--init $model" "$KNLP" train -q --data data --run "more-$model" \
		--set TRAIN_TOKENS=2k --init "$model"
done
fails "--force without --resume" 2 'force is for --resume' tiny x --force
fails "--dry-run --resume" 2 'without --resume' planned --run base --resume

# ---- damaged data -------------------------------------------------------------------
cp -r data hurt
for shard in hurt/train_*.bin; do
	printf a | dd of="$shard" bs=1 seek=5001 conv=notrunc 2>/dev/null
	printf b | dd of="$shard" bs=1 seek=5003 conv=notrunc 2>/dev/null
done
fails "damaged data" 1 'hurt/train_.*bin: damaged' train --data hurt --run x
equal "makes no run" "$(ls -d x 2>/dev/null)" ""
fails "also when resuming" 1 'hurt/train_.*bin: damaged' train --data hurt --run base --resume

# ---- --resume takes all from the run --------------------------------------------------
more='--set TRAIN_TOKENS=89600 --set TRAIN_SEED=3' code=
# shellcheck disable=SC2086
tiny uncut $more >out 2>err
# shellcheck disable=SC2086
cut_at 50 INT cut $more --json
equal "cut: exit code" "$code" 1
has "cut: --json says how far it came" '"finished":false,"steps":[1-9]' out
succeeds "--resume alone" "$KNLP" train --run cut --resume --threads 2
has "counts what was done" ' steps .*, [0-9]* of them done' err
equal "gives the same bits" "$(bits cut)" "$(bits uncut)"
fails "another parameter" 1 'TRAIN_SEED was 3, now 4' \
	"$KNLP" train --run cut --resume --set TRAIN_SEED=4
mv data moved
fails "the data is gone" 1 'data, which is gone: say with --data' "$KNLP" train --run cut --resume
succeeds "or elsewhere" "$KNLP" train --run cut --resume --data moved
# Two signals at once, as timeout(1) sends them, are one.
"$KNLP" train -q --data moved --run two --config tiny.config --set TRAIN_TOKENS=90M >out 2>err &
pid=$!
while [ "$(lines two)" -lt 3 ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
kill -INT $pid
kill -INT $pid
wait $pid
equal "two signals at once" "$?-$(grep -c 'the checkpoint is written' err)" 1-1

# ---- what belongs to the machine alone ----------------------------------------------
tiny quiet --data moved --threads 1 >out 2>err
equal "local parameters are not stored" \
	"$(cat quiet/config quiet/checkpoints/*/config | grep -c RUN_)" 0
device=$("$KNLP" version | sed -n 's/^devices:.* cpu (\([^)]*\)).*/\1/p')
has "the instructions are" "^- cpu $device\$" quiet/manifest.yaml
sed "s/^- cpu $device\$/- cpu abacus/" quiet/manifest.yaml >new && cp new quiet/manifest.yaml
fails "others are refused" 1 "'cpu abacus' then, 'cpu $device' now" \
	"$KNLP" train --run quiet --resume
succeeds "--force goes on" "$KNLP" train --run quiet --resume --force
