# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# knlp train --fork: a run that begins in another one ends with the bits and the log of a run
# that was trained by its parameters from the first step.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train 'data prepare'
prepare_text

# Dropout, an accumulation and evaluations, so that all that a step draws is compared; random
# targets are what may differ.
cat >>tiny.config <<'END'
CONFIG_TRAIN_ACCUM=2
CONFIG_TRAIN_TOKENS="10240"
CONFIG_TRAIN_EVAL_EVERY=10
CONFIG_TRAIN_SAMPLE_TOKENS=5
CONFIG_TRAIN_SAMPLE_EVERY=10
CONFIG_TRAIN_CHECKPOINT_EVERY=6
CONFIG_MODEL_DROPOUT="0.1"
CONFIG_DATA_NOISE_START=20
END
noise='--set DATA_NOISE=0.3'
fork() { _run=$1; shift; "$KNLP" train -q --run "$_run" --fork old "$@"; }
same()
{
	equal "$1: the bits" "$(bits "$2")" "$(bits "$3")"
	equal "$1: the log" "$(without_time "$2")" "$(without_time "$3")"
}

tiny plain >out 2>err
tiny noisy $noise >out 2>err
succeeds "train --until" tiny old --until 20 --json
has "it is not finished" '"finished":false,"steps":20,' out
has "ends with what was due" '"event":"sample","step":20' old/metrics.jsonl
equal "is evaluated there, as a whole run is" "$(without_time old | grep -c '"event":"eval"')" 2
succeeds "train --until again" tiny old --until 20 --resume
has "tells the losses of the step where it stands" 'train loss  *[0-9.]* nats/token' out
has "though no step was run" 'held-out loss  *[0-9.]* nats/token, perplexity [0-9.]*$' out
equal "changes nothing" "$(cd old/checkpoints && echo step-*)" \
	"step-0000000018 step-0000000020"

# Where no evaluation is due, there is none: the log stays that of a whole run.
succeeds "--until before the first evaluation" tiny part --until 7
has "says when it is due" 'held-out loss  *not measured yet: the first .* due at step 10$' out
succeeds "its --json" tiny part --until 7 --resume --json
equal "has nothing unknown" "$(grep -c 'null\|"loss"\|"eval_step"' out)" 0
has "but the training loss" '"train_loss":[0-9.]*,"seconds":0,' out
succeeds "--until behind an evaluation" tiny part --until 13 --resume
has "tells that one" 'held-out loss  *[0-9.]* nats/token, perplexity [0-9.]*, at step 10$' out
succeeds "and with --json" tiny part --until 13 --resume --json
equal "the number that is logged" "$(sed 's/.*\("eval_step":[^,]*,"loss":[^,]*\),.*/\1/' out)" \
	"\"eval_step\":10,$(sed -n 's/.*"eval","step":10,.*\("loss":[^,]*\),.*/\1/p' plain/metrics.jsonl)"
succeeds "the rest of it" tiny part --resume
same "in three parts" part plain

succeeds "train --fork" fork new $noise --json
has "it is finished" '"finished":true,"steps":40,' out
same "fork" new noisy
steps_once new 40
equal "the fork point is kept" "$(find old/checkpoints -name keep)" \
	old/checkpoints/step-0000000020/keep
has "the manifest says where it began" "^fork: .*/old$" new/manifest.yaml
has "and when" '^fork_step: 20$' new/manifest.yaml
has "and in what" "^fork_hash: '\{0,1\}$(sed -n 's/^checksum: //p' \
	old/checkpoints/step-0000000020/state.yaml)" new/manifest.yaml
equal "the log says so once" "$(grep -c '"event":"fork","step":20,' new/metrics.jsonl)" 1
equal "the stored parameters are those of the run" \
	"$(grep -v '^# Run' new/config)" "$(grep -v '^# Run' noisy/config)"
if "$KNLP" report -h >out 2>err; then
	"$KNLP" report -f md new >out 2>err
	has "a report of it says so" 'Its first 20 steps are those of .*/old\.' out
fi
succeeds "the old run goes on" tiny old --resume
same "the old run" old plain
equal "the fork point is still there" "$(cd old/checkpoints && echo step-*)" \
	"step-0000000020 step-0000000036 step-0000000040"
succeeds "fork of a fork" "$KNLP" train -q --run third --fork new --at 40
same "fork of a fork at its end" third noisy
succeeds "--at an older step" fork older $noise --at 20
same "at an older step" older noisy
succeeds "all parameters may be told" fork told --at 20 --config tiny.config $noise
same "with --config" told noisy
succeeds "threads are local" fork local $noise --at 20 --threads 3
same "with other threads" local noisy

# ---- refused, and nothing is left behind ------------------------------------------------
for set in MODEL_WIDTH=64 TRAIN_TOKENS=20480 TRAIN_EVAL_EVERY=20 DATA_NOISE_START=10; do
	fails "$set" 1 "old is another training before step 20: .*${set%=*} was .*, now ${set#*=}" \
		fork no $noise --at 20 --set $set
done
fails "what begins too early" 1 "DATA_NOISE was 0, now 0.3, from DATA_NOISE_START=20 on" \
	fork no $noise --at 36
has "where it may begin" '; a fork may begin at step 20 or before: --at=20$' err
fails "no checkpoint is early enough" 1 'at step 10 or before, and there is no checkpoint$' \
	fork no $noise --at 20 --set DATA_NOISE_START=10
succeeds "a start that is later on both sides" fork later --at 20 --set DATA_NOISE_START=30
same "which makes no difference without noise" later plain
fails "no such checkpoint" 1 'has no checkpoint of step 7, but of: 20, 36, 40' fork no --at 7
fails "no such run" 1 'holds no run' "$KNLP" train -q --run no --fork nowhere
fails "a run that is there" 1 'holds a run already' fork new $noise --at 20
tr a e <text >changed
"$KNLP" data prepare -q -i changed -t byte -o other --piece-bytes 1000 >out 2>err
fails "other data" 1 'data_hash' fork no --data other --at 20
equal "nothing is left of them" "$(find . -maxdepth 1 -name no)" ''
fails "--at of no fork" 2 "train: --at names a step of --fork's run" "$KNLP" train --run no --at 3
for words in '--at 3' '--fork old --resume' '--fork old --init old' '--fork old --dry-run'; do
	# shellcheck disable=SC2086 # words
	fails "usage: $words" 2 'knlp: error: train: ' "$KNLP" train --run no --data data $words
done
mkdir mine
echo "What the user wrote" >mine/beginning
fails "a user's own file" 1 "not empty ('beginning')" fork mine --at 20
equal "stays" "$(cat mine/beginning)" "What the user wrote"
rm -rf old/checkpoints/step-0000000020/keep
chmod a-w old/checkpoints/step-0000000020
if [ ! -w old/checkpoints/step-0000000020 ]; then
	succeeds "a run that cannot be written" fork guest $noise --at 20
	has "a warning" 'may be removed' err
fi
chmod u+w old/checkpoints/step-0000000020

# ---- killed ---------------------------------------------------------------------------
# At other moments each time, wherever they fall: what is there goes on, what is not can begin.
next()
{
	if [ -f cut/manifest.yaml ]; then echo --resume; else echo "--fork old --at 20 $noise"; fi
}
moments=0
for ms in 010 013 016 019 022 025 028 031 035 040 045 050 060 070 080; do
	# shellcheck disable=SC2046 # words
	"$KNLP" train -q --run cut $(next) >out 2>err &
	pid=$!
	sleep 0.$ms
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
	moments=$((moments + 1))
	if [ -f cut/manifest.yaml ] && [ ! -d "$(newest cut)" ]; then
		not_ok "killed after $ms ms" "a run without a checkpoint"
	fi
done
# shellcheck disable=SC2046
succeeds "after $moments kills" "$KNLP" train -q --run cut $(next)
same "killed" cut noisy
steps_once cut 40
no_remains "nothing temporary is left" cut old
equal "nor the mark of a beginning" "$(ls cut | tr '\n' ' ')" \
	"checkpoints config lock manifest.yaml metrics.jsonl "

# What a process leaves that dies between the files: all of it, but for the manifest.
for left in manifest.yaml 'manifest.yaml config' 'manifest.yaml checkpoints'; do
	cp -r new half
	(cd half && rm -rf $left)
	fails "without its mark it is the user's" 1 'not empty' fork half $noise --at 20
	echo 'What lies here is copied from elsewhere; no run has begun.' >half/beginning
	# shellcheck disable=SC2086 # words
	succeeds "with it, without $left, it begins" fork half $noise --at 20
	same "begun again" half noisy
	rm -rf half
done

# ---- --init, which begins in the same way ------------------------------------------------
succeeds "train --init" tiny begun --init old
rm -rf begun/manifest.yaml begun/checkpoints/*/state.yaml
echo 'What lies here is copied from elsewhere; no run has begun.' >begun/beginning
succeeds "what was cut before it began" tiny begun --init old
