# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# What must hold for a training with any optimizer: the same bits with any number of
# threads and after a kill, bf16, accumulated gradients, a named NaN, refusals.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train 'data prepare'
prepare_text
cat >>tiny.config <<'END'
CONFIG_TRAIN_SAMPLE_TOKENS=0
CONFIG_TRAIN_TOKENS="10240"
CONFIG_TRAIN_EVAL_EVERY=0
CONFIG_TRAIN_CHECKPOINT_EVERY=0
END
# Long enough to be killed on the way.
long="--set TRAIN_TOKENS=102400 --set TRAIN_CHECKPOINT_EVERY=200"
# Weights that grow by a factor of 99 in each step.
wild='--set TRAIN_LR=10 --set OPTIM_MUON_LR=10 --set OPTIM_WEIGHT_DECAY=10 --set OPTIM_CLIP=0'
wild="$wild --set TRAIN_WARMUP=0 --set TRAIN_SCHEDULE=constant"

# near NAME RUN RUN RELATIVE: held-out losses at the end
near()
{
	_a=$(grep '"event":"eval"' "$2/metrics.jsonl" | tail -n 1 | sed 's/.*"loss":\([^,]*\).*/\1/')
	_b=$(grep '"event":"eval"' "$3/metrics.jsonl" | tail -n 1 | sed 's/.*"loss":\([^,]*\).*/\1/')
	if awk -v a="$_a" -v b="$_b" -v r="$4" \
		'BEGIN { d = a - b; exit !(a > 0 && d <= r * b && -d <= r * b) }'; then
		ok "$1"
	else
		not_ok "$1" "$_a, not about $_b"
	fi
}

# learns NAME RUN: a byte costs less than at first
learns()
{
	below "$1" "$(field loss "$2/metrics.jsonl")" \
		"$(sed -n '1s/.*"loss":\([^,]*\).*/\1/p' "$2/metrics.jsonl")"
}

# killed NAME ARG...: killed and resumed, the bits of a run that was not
killed()
{
	what=$1 code=0
	shift
	# shellcheck disable=SC2086
	tiny uncut $long "$@" >out 2>err
	# It may be done before the signal comes, on a machine with other work.
	for _ in 1 2 3 4 5 6 7 8 9; do
		rm -rf cut
		# shellcheck disable=SC2086
		cut_at 210 KILL cut $long "$@"
		[ "$code" -eq 137 ] && break
	done
	equal "$what: killed" "$code" 137
	# shellcheck disable=SC2086
	succeeds "$what: resumed" tiny cut $long "$@" --resume --threads 2
	equal "$what: killed and resumed, the same bits" "$(bits cut)" "$(bits uncut)"
	steps_once cut 800
	rm -rf cut uncut
}

# each OPTIMIZER LR STATE OTHER: all of it; STATE is in its checkpoints, OTHER another one
each()
{
	name=$1 state=$3 other=$4
	set -- --set "OPTIM_NAME=$1" --set "TRAIN_LR=$2"
	succeeds "$name" tiny base "$@" --threads 2
	learns "$name: learns" base
	has "$name: names of its state" "\\.$state\"" "$(newest base)/optimizer.safetensors"
	for threads in 1 4; do
		tiny "threads$threads" "$@" --threads $threads >out 2>err
		equal "$name: $threads threads, the same bits" "$(bits "threads$threads")" \
			"$(bits base)"
	done
	fails "$name: resume as $other" 1 "OPTIM_NAME was $name, now $other" \
		tiny base --resume --set "OPTIM_NAME=$other"
	killed "$name" "$@"
	killed "$name, bf16" "$@" --set TRAIN_DTYPE=bf16

	tiny half "$@" --set TRAIN_DTYPE=bf16 >out 2>err
	near "$name: bf16 learns as much" half base 0.02
	tiny half1 "$@" --set TRAIN_DTYPE=bf16 --threads 1 >out 2>err
	equal "$name: bf16, 1 thread, the same bits" "$(bits half1)" "$(bits half)"

	tiny whole "$@" --set TRAIN_BATCH=16 >out 2>err
	tiny parts "$@" --set TRAIN_BATCH=4 --set TRAIN_ACCUM=4 >out 2>err
	near "$name: 4 x 4 samples learn what 16 do" parts whole 2e-5

	# shellcheck disable=SC2086
	fails "$name: NaN" 1 'step [0-9]*: the [a-z]* is not finite' tiny nan "$@" $wild
	has "$name: NaN: names op and tensor" "op '.*' made .* in tensor '.*'" err
	rm -rf base half half1 whole parts nan threads?
}

each adamw 0.003 exp_avg_sq sgd
each sgd 0.1 momentum_buffer muon
each muon 0.003 momentum_buffer adamw

# ---- groups -------------------------------------------------------------------------
rules='matrix:optimizer=muon,lr_scale=0.5;norm+bias:optimizer=sgd;embedding:decay=0'
succeeds "groups" tiny groups --set OPTIM_GROUPS="$rules"
learns "groups: learn" groups
killed "groups" --set OPTIM_GROUPS="$rules"
"$KNLP" train --data data --config tiny.config --dry-run --set OPTIM_GROUPS="$rules" >out 2>err
has "groups: the plan shows them" 'muon, learning rate 0.01, decay 0.1: 8 tensors' out
has "groups: and those of others" 'sgd, learning rate 0.003, decay 0: ' out
fails "groups: resume with other rules" 1 'OPTIM_GROUPS was ' tiny groups --resume \
	--set OPTIM_GROUPS=matrix:decay=0
for key in optimizer=sgd lr_scale=2 decay=0; do
	fails "groups: ${key%=*} twice" 1 "rule 'norm' sets ${key%=*} twice" \
		tiny none --set "OPTIM_GROUPS=norm:$key,$key"
done
fails "groups: another optimizer" 1 \
	"no optimizer 'muom', only adamw, muon, sgd: did you mean 'muon'?" \
	tiny none --set OPTIM_GROUPS=matrix:optimizer=muom
fails "groups: a rule that matches nothing" 1 "OPTIM_GROUPS: rule '/wpo/' matches no" \
	tiny none --set OPTIM_GROUPS=/wpo/:decay=0
equal "groups: nothing is left of that" "$(ls -d none 2>/dev/null)" ""
