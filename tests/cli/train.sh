# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# knlp train, eval loss and generate: one way from text to text, and all the ways that
# must give the same bits.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train 'eval loss' generate 'data prepare'
prepare_text
"$KNLP" data prepare -q --input text --tokenizer byte --out docs --piece-bytes 64 >out 2>err

# same NAME RUN [RUN]: it has the bits of the other, or of ./base
same()
{
	equal "$1" "$(bits "$2")" "$(bits "${3:-base}")"
}
# differs NAME A B
differs()
{
	if [ "$2" = "$3" ]; then
		not_ok "$1" "both are '$(echo "$2" | head -c 100)'"
	else
		ok "$1"
	fi
}
# close NAME A B RELATIVE
close()
{
	if awk -v a="$2" -v b="$3" -v r="$4" \
		'BEGIN { d = a - b; exit !(a > 0 && d <= r * b && -d <= r * b) }'; then
		ok "$1"
	else
		not_ok "$1" "$2, not about $3"
	fi
}

# ---- train, eval, generate --------------------------------------------------------
succeeds "train" tiny base
has "says what it spent" '^tokens  *5,120 in 40 steps' out
equal "keeps two checkpoints" "$(cd base/checkpoints && echo ./*)" \
	"./step-0000000030 ./step-0000000040"
equal "checkpoint is a model folder" "$(cd "$(newest base)" && echo ./*)" \
	"./config ./model.safetensors ./optimizer.safetensors ./state.yaml ./tokenizer.json"
steps_once base 40
equal "evaluations" "$(grep '"eval"' base/metrics.jsonl | sed 's/.*"step":\([0-9]*\).*/\1/' |
	tr '\n' ' ')" "20 40 "
no_remains "nothing temporary is left" base

tiny json --json >out 2>err
equal "--json is one line" "$(wc -l <out | tr -d ' ')" 1
equal "says the loss that it logged" "$(field loss out)" "$(field loss base/metrics.jsonl)"

for batch in 1 3 4 64; do
	"$KNLP" eval loss -q --data data --batch $batch --json base >out 2>err
	equal "eval with batch $batch: the loss that training logged" "$(field loss out)" \
		"$(field loss base/metrics.jsonl)"
done
"$KNLP" eval loss -q --data data --json "$(newest base)" >out 2>err
equal "eval of a checkpoint" "$(field loss out)" "$(field loss base/metrics.jsonl)"
"$KNLP" eval loss -q --data data --device remote --threads 4 --json base >out 2>err
equal "eval elsewhere" "$(field loss out)" "$(field loss base/metrics.jsonl)"
succeeds "eval with a shorter context" "$KNLP" eval loss --data data --context 9 base
succeeds "eval of some tokens" "$KNLP" eval loss --data data --tokens 100 base
has "counts as many as were asked for" '^tokens  *100$' out

generate()
{
	"$KNLP" generate "$@" --json >out 2>err || { echo failed; cat err; }
	sed 's/.*"tokens"/"tokens"/' out
}
first=$(generate -n 50 base)
differs "generate" "$first" ""
equal "generate: same seed, same text" "$(generate -n 50 base)" "$first"
equal "generate: elsewhere, too" "$(generate -n 50 --device remote --threads 2 base)" "$first"
differs "generate: another seed, another text" "$(generate -n 50 --seed 2 base)" "$first"
cold=$(generate -n 50 --temperature 0 base)
equal "generate: without temperature no seed matters" \
	"$(generate -n 50 --temperature 0 --seed 2 base)" "$cold"
long=$(head -c 500 text)
equal "generate: of a long prompt the end counts" \
	"$(generate -n 5 --prompt "$long" base)" \
	"$(generate -n 5 --prompt "$(printf %s "$long" | tail -c 32)" base)"
equal "generate: an empty prompt is none" "$(generate -n 50 --prompt '' base)" "$first"
"$KNLP" generate -n 5000 --temperature 3 base >out 2>err
nr=$(sed -n 's/.*ended the document after \([0-9]*\) tokens$/\1/p' err)
equal "generate: says where the document ends" "${nr:+yes}" yes
"$KNLP" generate -q -n 5000 --temperature 3 base >out 2>err
equal "generate: but not with -q" "$(cat err)" ""
"$KNLP" generate -n 5000 --temperature 3 --json base >out 2>err
has "generate: --json says so" '"stop":"end_of_document"' out
equal "generate: with the tokens before it and itself" \
	"$(sed 's/.*"tokens":\[//' out | tr ',' '\n' | grep -c .)" $((nr + 1))
"$KNLP" generate -n $((nr)) --temperature 3 --json base >out 2>err
has "generate: one that is cut does not" '"stop":"tokens"' out
succeeds "generate: far beyond the context" "$KNLP" generate -n 200 --temperature 2 base
"$KNLP" generate -n 3 --prompt 'The kernel ' base >out 2>err
equal "generate: prints the prompt" "$(head -c 11 out)" 'The kernel '
if command -v python3 >/dev/null; then
	"$KNLP" generate -n 200 --temperature 3 --json base >answer 2>err
	succeeds "generate: --json is JSON whatever the bytes" python3 -c 'import json
json.loads(open("answer", "rb").read().decode("utf-8"))'
fi
succeeds "context of one token" tiny one --set MODEL_CONTEXT=1 --set TRAIN_TOKENS=64
succeeds "generate with it" "$KNLP" generate -n 20 --prompt abc one
has "held-out loss is finite" '"event":"eval".*"loss":[0-9]' one/metrics.jsonl

# ---- samples -----------------------------------------------------------------------
sample() { sed -n 's/.*"event":"sample","step":'"$2"',.*"text":\("[^\t]*"\),"seconds".*/\1/p' \
	"$1/metrics.jsonl"; }
"$KNLP" generate -n 200 --json base >out 2>err
equal "one sample, at the end: what knlp generate writes" "$(sample base 40)" \
	"$(sed 's/.*"text":\("[^\t]*"\),"stop".*/\1/' out)"
equal "no other sample" "$(grep -c '"event":"sample"' base/metrics.jsonl)" 1
tiny many --set TRAIN_SAMPLE_EVERY=10 --set TRAIN_SAMPLE_TOKENS=7 \
	--set TRAIN_SAMPLE_PROMPT='The "kernel"' >out 2>err
equal "samples on the way" "$(sed -n 's/.*"sample","step":\([0-9]*\).*/\1/p' \
	many/metrics.jsonl | tr '\n' ' ')" "10 20 30 40 "
has "they have the prompt" '"prompt":"The \\"kernel\\""' many/metrics.jsonl
equal "they do not change the bits" "$(bits many)" "$(bits base)"
tiny silent --set TRAIN_SAMPLE_TOKENS=0 >out 2>err
equal "TRAIN_SAMPLE_TOKENS=0: none" "$(grep -c '"event":"sample"' silent/metrics.jsonl)" 0

# ---- the same bits ----------------------------------------------------------------
tiny again >out 2>err
same "two runs" again
equal "two runs: the same log" "$(without_time again)" "$(without_time base)"
for threads in 1 2 4; do
	tiny "threads$threads" --threads $threads >out 2>err
	same "$threads threads" "threads$threads"
done
if "$KNLP" version | grep -q REMOTE; then
	tiny remote --set TRAIN_DEVICE=remote >out 2>err
	same "device remote" remote
fi
for more in '' 'MODEL_DROPOUT=0.1' 'MODEL_FAMILY=llama'; do
	tiny none --set "${more:-MODEL_LAYERS=2}" --set TRAIN_ACCUM=2 >out 2>err
	tiny layer --set "${more:-MODEL_LAYERS=2}" --set TRAIN_ACCUM=2 \
		--set TRAIN_RECOMPUTE=layer >out 2>err
	same "TRAIN_RECOMPUTE=layer $more" layer none
	rm -rf none layer
done
dry()
{
	"$KNLP" train -q --data data --config tiny.config --set MODEL_LAYERS=6 --dry-run --json \
		--set "$1" >out 2>err
	field bytes_total out
}
if [ "$(dry TRAIN_RECOMPUTE=layer)" -lt "$(dry TRAIN_RECOMPUTE=none)" ]; then
	ok "TRAIN_RECOMPUTE=layer takes less memory"
else
	not_ok "TRAIN_RECOMPUTE=layer takes less memory" "$(dry TRAIN_RECOMPUTE=layer)"
fi

# Gradients are sums: in another order they round differently.
tiny whole --set TRAIN_BATCH=8 >out 2>err
tiny halves --set TRAIN_BATCH=4 --set TRAIN_ACCUM=2 >out 2>err
close "TRAIN_ACCUM: the loss" "$(field loss halves/metrics.jsonl)" \
	"$(field loss whole/metrics.jsonl)" 1e-5

succeeds "train with DATA_DOC_MASK" "$KNLP" train -q --data docs --run mask \
	--config tiny.config --set DATA_DOC_MASK=y
has "it logs a loss" '"event":"eval".*"loss":[0-9]' mask/metrics.jsonl
"$KNLP" eval loss -q --data docs --json mask >out 2>err
equal "eval of a model trained with DATA_DOC_MASK" "$(field loss out)" \
	"$(field loss mask/metrics.jsonl)"
tiny wide --set MODEL_VOCAB=1000 >out 2>err
succeeds "eval of a model with unused rows" "$KNLP" eval loss -q --data data --json wide
equal "it has the loss that was logged" "$(field loss out)" "$(field loss wide/metrics.jsonl)"

# ---- from the weights of another run -----------------------------------------------
succeeds "train --init" tiny more --init base --set TRAIN_LR=0 --set OPTIM_WEIGHT_DECAY=0
equal "begins with its weights" "$(field loss more/metrics.jsonl)" \
	"$(field loss base/metrics.jsonl)"
has "the manifest names them" '^init: .*base' more/manifest.yaml
has "and their checksum" '^init_hash: ' more/manifest.yaml

# ---- cut and resumed ----------------------------------------------------------------
steps=700 code=
long="--set TRAIN_TOKENS=$((128 * steps)) --set TRAIN_EVAL_EVERY=250"
long="$long --set TRAIN_CHECKPOINT_EVERY=60"
# shellcheck disable=SC2086
tiny uncut $long >out 2>err

# shellcheck disable=SC2086
cut_at 20 KILL killed $long
equal "SIGKILL before the first checkpoint" "$code" 137
# shellcheck disable=SC2086
cut_at 200 KILL killed $long --resume
# shellcheck disable=SC2086
cut_at 450 KILL killed $long --resume
# shellcheck disable=SC2086
succeeds "resume after SIGKILL" tiny killed $long --resume
same "killed three times: the same bits" killed uncut
steps_once killed $steps
equal "killed: the log of a run that was not" "$(without_time killed)" "$(without_time uncut)"
no_remains "killed: nothing temporary is left" killed
# Killed while it removed an old checkpoint, behind its last save.
mkdir killed/checkpoints/step-0000000001.tmp-old
# shellcheck disable=SC2086
succeeds "resume of what is done" tiny killed $long --resume
equal "which leaves nothing half-removed" "$(find killed/checkpoints -name '*.tmp-*')" ''
same "changes nothing" killed uncut

for signal in INT TERM; do
	# shellcheck disable=SC2086
	cut_at 100 $signal "sig$signal" $long
	equal "SIG$signal: exit code" "$code" 1
	equal "SIG$signal: one line" "$(wc -l <err | tr -d ' ')" 1
	has "SIG$signal: says what it did" 'stopped by signal .* the checkpoint is written' err
	last=$(field step "sig$signal/metrics.jsonl")
	equal "SIG$signal: the last step is saved" "$(newest "sig$signal")" \
		"sig$signal/checkpoints/step-$(printf %010d "$last")"
	# shellcheck disable=SC2086
	tiny "sig$signal" $long --resume --threads 2 >out 2>err
	same "SIG$signal: resumed to the same bits" "sig$signal" uncut
	steps_once "sig$signal" $steps
done

# An evaluation or a sample that a signal left out is made up for, so that the logs are equal.  Long
# steps and short evaluations, so that the signal comes in a step.
often="--set TRAIN_TOKENS=$((128 * 16 * 40)) --set TRAIN_ACCUM=16"
often="$often --set TRAIN_EVAL_EVERY=1 --set TRAIN_EVAL_TOKENS=32"
often="$often --set TRAIN_SAMPLE_EVERY=1 --set TRAIN_SAMPLE_TOKENS=3"
# shellcheck disable=SC2086
tiny often $often >out 2>err
# shellcheck disable=SC2086
cut_at 20 TERM evals $often
for at in 40 60; do
	# shellcheck disable=SC2086
	cut_at $at TERM evals $often --resume
done
# shellcheck disable=SC2086
tiny evals $often --resume >out 2>err
equal "cut between step and evaluation: the same log" "$(without_time evals)" \
	"$(without_time often)"
succeeds "the time in training goes on where it was" awk -F'"elapsed":' '/"train"/ {
	if ($2 + 0 <= last) exit 1
	last = $2 + 0
}' evals/metrics.jsonl

# shellcheck disable=SC2086
cut_at 20 KILL cut-init --init base $long
rm -rf base
# shellcheck disable=SC2086
succeeds "resume without the model of --init" tiny cut-init $long --resume
steps_once cut-init $steps

# What auto stood for is stored, so that other defaults do not make another model of it.
succeeds "a run with defaults" "$KNLP" train -q --data data --run resolved \
	--set MODEL_LAYERS=1 --set TRAIN_TOKENS=2k
# (Not what pruning reads: its auto depends on the criterion alone.)
equal "nothing is auto in its config" "$(grep '"auto"' resolved/config | grep -vc '_PRUNE_')" 0
has "the heads' width is there" '^CONFIG_MODEL_HEAD_DIM="32"' resolved/config
has "the commit is in the manifest" "^version: .*[0-9]" resolved/manifest.yaml

# A fork keeps the checkpoint that it began with, on both sides.
succeeds "a fork" "$KNLP" train -q --data data --run fork --init resolved \
	--set MODEL_LAYERS=1 --set TRAIN_TOKENS=2k
succeeds "the source is kept" ls resolved/checkpoints/*/keep
succeeds "and the fork's beginning" ls fork/checkpoints/step-0000000000/keep
