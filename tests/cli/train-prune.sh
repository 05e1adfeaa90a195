# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# Pruning in training: the same bits whatever the threads, cuts and forks; what is the same
# criterion gives the same weights; checkpoints that other commands take.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train prune 'data prepare'
prepare_text
cat >>tiny.config <<'END'
CONFIG_MODEL_DROPOUT="0.1"
CONFIG_PRUNE_INTERVAL=3
CONFIG_PRUNE_SEQUENCES=4
END
sed -i 's/CHECKPOINT_EVERY=15/CHECKPOINT_EVERY=4/' tiny.config
on='--set PRUNE_SCHEDULE=cubic_zg'
all_bits() { cat "$(newest "$1")"/*.safetensors | cksum; }
same()
{
	equal "$1: the bits" "$(all_bits "$2")" "$(all_bits "$3")"
	equal "$1: the log" "$(without_time "$2")" "$(without_time "$3")"
}
# weights RUN, events RUN: without what says which criterion it was
weights() { cat "$(newest "$1")"/model.safetensors "$(newest "$1")"/optimizer.safetensors | cksum; }
hashes() { sed -n 's/.*"event":"prune",.*"hash":"\([0-9a-f]*\)".*/\1/p' "$1/metrics.jsonl"; }
differs() { if [ "$2" = "$3" ]; then not_ok "$1" "both: $2"; else ok "$1"; fi; }

# ---- what is logged --------------------------------------------------------------------

succeeds 'a training that prunes' tiny plain $on
"$KNLP" train --data data --run told --config tiny.config $on >out 2>err
has 'says so at the end' 'step 24: 12288 of 24576 weights are dropped, 50.00 %' err
equal 'masks at these steps' "$(sed -n 's/.*"event":"prune","step":\([0-9]*\),.*/\1/p' \
	plain/metrics.jsonl | tr '\n' ' ')" '15 18 21 24 '
equal 'a line for each tensor' "$(grep -c '"event":"prune_tensor","step":24' plain/metrics.jsonl)" 8
has 'exactly as many' '"step":24,"weights":24576,"kept":12288,"sparsity":0.5,.*"jaccard":1,.*"asked":12288,' \
	plain/metrics.jsonl
equal 'the checkpoint has masks' "$(cd "$(newest plain)" && echo masks*)" masks.safetensors
tiny early $on --until 14 >out 2>err
equal 'none before the first choice' "$(find early -name 'masks*')" ''

# ---- what is the same ------------------------------------------------------------------

tiny bitter $on --set PRUNE_CRITERION=bitter1 >out 2>err
equal 'bitter1 is magnitude: the weights' "$(weights bitter)" "$(weights plain)"
equal 'bitter1 is magnitude: the masks' "$(hashes bitter)" "$(hashes plain)"
tiny power $on --set PRUNE_CRITERION=scale_free --set PRUNE_POWER=0 >out 2>err
equal 'power 0 is magnitude' "$(weights power) $(hashes power)" "$(weights plain) $(hashes plain)"
tiny quarter $on --set PRUNE_CRITERION=scale_free >out 2>err
differs 'power 1/4 is not' "$(weights quarter)" "$(weights plain)"
tiny dense >out 2>err
upto() { without_time "$1" | awk -v last="$2" -F'"step":' '{ if ($2 + 0 <= last) print }'; }
equal 'nothing differs before PRUNE_START' "$(upto plain 12)" "$(upto dense 12)"
tiny none --set PRUNE_CRITERION=random --set PRUNE_SPARSITY=0.9 >out 2>err
equal 'without a schedule nothing counts' "$(weights none)" "$(weights dense)"

# ---- threads, cuts, forks ----------------------------------------------------------------

tiny base --until 12 >out 2>err
for how in '-s PRUNE_CRITERION=movement -s PRUNE_SCOPE=global' \
	'-s PRUNE_CRITERION=obd -s PRUNE_SCHEDULE=cubic_late' \
	'-s PRUNE_CRITERION=scale_free -s PRUNE_SPARSITY=2:4' \
	'-s PRUNE_CRITERION=movement_w0 -s TRAIN_DTYPE=bf16 -s PRUNE_ALLOC=global' \
	'-s PRUNE_CRITERION=magnitude -s PRUNE_SCHEDULE=one_shot -s PRUNE_REGROW=0.3'; do
	name=${how#*=}
	name=${name%% *}
	rm -rf one two four cut forked
	# shellcheck disable=SC2086 # words
	{
		tiny one $on $how --threads 1 >out 2>err || not_ok "$name" "$(brief err)"
		tiny two $on $how --threads 2 >out 2>err
		tiny four $on $how --threads 4 >out 2>err
		cut_at 19 KILL cut $on $how
		tiny cut --resume >out 2>err || not_ok "$name: goes on" "$(brief err)"
	}
	same "$name: two threads" two one
	same "$name: four threads" four one
	same "$name: killed and resumed" cut one
	case $how in *bf16*) continue ;; esac
	# shellcheck disable=SC2086 # words
	"$KNLP" train -q --run forked --fork base $on $how >out 2>err ||
		not_ok "$name: forks" "$(brief err)"
	same "$name: forked from a training without pruning" forked one
done
fails 'a fork behind the start' 1 'PRUNE_SCHEDULE' \
	"$KNLP" train -q --run late --fork dense --at 40 $on

# ---- what else takes such checkpoints ---------------------------------------------------------

succeeds 'knlp info' "$KNLP" info plain
succeeds 'knlp generate' "$KNLP" generate -n 5 plain
if "$KNLP" report -h >out 2>err; then
	succeeds 'knlp report' "$KNLP" report plain dense -o report.html
	has 'draws the sparsity' 'Share of weights whose mask changed' report.html
	has 'names the tensors' '<tr><th>transformer.h.0.attn.c_attn.weight</th><td class="num">3,072</td><td class="num">50.00 %' \
		report.html
	succeeds 'knlp report in JSON' "$KNLP" report plain -o report.json
	has 'has the choices' '"prune":\[{"step":15,"tokens":1920,"sparsity":0.' report.json
	equal 'has all tensors' "$(grep -o '"name":"transformer.h[^"]*"' report.json | wc -l | tr -d ' ')" 8
	succeeds 'knlp report in Markdown' "$KNLP" report plain -o report.md
	has 'has a table' '^| plain | 4 | 50.00 % | 1.0000 | ' report.md
	succeeds 'a report without pruning' "$KNLP" report dense -o report.md
	equal 'says nothing of it' "$(grep -c Pruning report.md)" 0
fi
succeeds 'knlp prune goes on from there' "$KNLP" prune -q --json -o sparser --sparsity 0.7 plain
has 'and keeps what is dropped' '"kept":7376,' out
tiny moved $on --set PRUNE_CRITERION=movement >out 2>err
succeeds 'knlp prune reads what was summed up' "$KNLP" prune -q -o p -k movement --sparsity 0.5 moved

# ---- recovery -----------------------------------------------------------------------------------

zeros='--set PRUNE_SCHEDULE=keep --set PRUNE_START=0'
"$KNLP" prune -q -o half dense >out 2>err
# shellcheck disable=SC2086 # words
succeeds 'a training that keeps zeros' tiny kept --init half $zeros
# shellcheck disable=SC2086 # words
"$KNLP" train --data data --run said --config tiny.config --init half $zeros >out 2>err
has 'says how many' '12288 of 24576 weights, 50.00 %, are 0 and stay so' err
"$KNLP" prune -q --json -o again kept >out 2>err
equal 'they are where they were' "$(cmp half/masks.safetensors again/masks.safetensors && echo same)" same
equal 'the rest learned' "$(cmp -s half/model.safetensors "$(newest kept)/model.safetensors" || echo other)" \
	other
# shellcheck disable=SC2086 # words
cut_at 15 KILL cutkept --init half $zeros
succeeds 'goes on' tiny cutkept --resume
same 'zeros kept over a cut' cutkept kept
# shellcheck disable=SC2086 # words
fails 'nothing to keep' 1 'no weight that may be pruned is 0' tiny no --init dense $zeros
# shellcheck disable=SC2086 # words
fails 'drawn weights' 1 'no weight that may be pruned is 0' tiny no $zeros
# shellcheck disable=SC2086 # words
fails 'w0 is what was drawn' 1 'not with --init' tiny no --init half $on --set PRUNE_CRITERION=movement_w0
equal 'nothing is left of those' "$(find . -name no)" ''

# ---- parameters -----------------------------------------------------------------------------------

# live NAME=VALUE [ARG...]: another value gives another log or other weights
live()
{
	_set=$1
	shift
	rm -rf live live2
	tiny live $on "$@" >out 2>err || not_ok "$_set" "$(brief err)"
	tiny live2 $on "$@" --set "$_set" >out 2>err || not_ok "$_set" "$(brief err)"
	differs "$_set" "$(weights live2)" "$(weights live)"
}
for ramp in cubic_late linear one_shot; do live PRUNE_SCHEDULE=$ramp; done
live PRUNE_START=0.2
live PRUNE_END=0.9
live PRUNE_INTERVAL=2
live PRUNE_REGROW=0.2
live PRUNE_CRITERION=random
live PRUNE_SPARSITY=0.6
for scope in row block global; do live PRUNE_SCOPE=$scope; done
for alloc in global erk depth; do live PRUNE_ALLOC=$alloc; done
echo 'weight 0.3' >sparsities
echo 'weight 0.6' >others
live PRUNE_ALLOC_FILE=others --set PRUNE_ALLOC=file --set PRUNE_ALLOC_FILE=sparsities
live PRUNE_FLOOR=0.45 --set PRUNE_ALLOC=global
live PRUNE_INCLUDE=mlp
live PRUNE_EXCLUDE=mlp
live PRUNE_TABLES=y
live PRUNE_POWER=0.5 --set PRUNE_CRITERION=scale_free
live PRUNE_EPS=10 --set PRUNE_CRITERION=scale_free
live PRUNE_SEED=2 --set PRUNE_CRITERION=random
live PRUNE_SEQUENCES=3 --set PRUNE_CRITERION=obd
