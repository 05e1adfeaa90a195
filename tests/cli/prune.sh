# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# knlp prune: exact sparsities, the same masks for any number of threads, what is left of a
# failure; every PRUNE_ parameter acts.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs prune train 'data prepare' 'fim estimate' 'eval loss'
prepare_text
tiny run >out 2>err || { not_ok trains "$(brief err)"; exit 1; }
tiny other --set TRAIN_SEED=7 --set TRAIN_TOKENS=1k >out 2>err
"$KNLP" fim estimate -q -d data -o run.fim -n 8 run >out 2>err
"$KNLP" fim estimate -q -d data -o run.kfac -n 8 --unit kfac run >out 2>err
"$KNLP" fim estimate -q -d data -o other.fim -n 8 other >out 2>err

# prune OUT ARG...: the answer as JSON in ./out
prune()
{
	_to=$1
	shift
	rm -rf "$_to"
	"$KNLP" prune -q --json --out "$_to" "$@" >out 2>err
}
hash_of() { sed -n 's/.*"hash":"\([0-9a-f]*\)".*/\1/p' out | head -n 1; }

# ---- criteria ---------------------------------------------------------------------------

# All that `knlp prune --list` explains; what each needs comes from these files.
"$KNLP" prune --list --json >list 2>err
sed 's/{"name"/\n&/g; s/"allocations".*//' list | sed -n 's/^{"name":"\([a-z0-9_]*\)".*/\1/p' >criteria
[ "$(wc -l <criteria)" -gt 15 ] || not_ok 'criteria' 'the list is short'
while read -r name; do
	fim=run.fim
	[ "$name" = obs_kfac ] && fim=run.kfac
	if prune p run -k "$name" --fim $fim -d data --initial other --sparsity 0.37 --scope tensor; then
		equal "$name: exactly as many" "$(sed 's/"tensors".*//' out | field kept /dev/stdin)" \
			15488
		echo "$name $(hash_of)" >>hashes
	else
		has "$name: says what it lacks" \
			'reads gradients, which are there while\|has no .*movement, which' err
		equal "$name: leaves nothing" "$(ls -d p* 2>/dev/null)" ''
	fi
done <criteria
equal 'the same as magnitude' "$(grep "$(sed -n 's/^magnitude //p' hashes)" hashes |
	cut -d ' ' -f 1 | tr '\n' ' ')" 'bitter1 bitter2 magnitude '
prune p run -k scale_free --set PRUNE_POWER=0 --sparsity 0.37
equal 'power 0 is magnitude' "$(hash_of)" "$(sed -n 's/^magnitude //p' hashes)"
has 'a table' '^transformer.h.0.attn.c_attn.weight  *3,072  *1,536  *50.000 %' "$(
	rm -rf p; "$KNLP" prune -o p run >table; echo table)"

# ---- threads, formats, several sparsities --------------------------------------------------

for how in '-k scale_free --scope global' '-k wanda -d data' '-k sparsegpt -d data --sparsity 2:4' \
	'-k magnitude --alloc global --update obs -d data'; do
	for threads in 1 2 4; do
		# shellcheck disable=SC2086
		prune p run $how --threads $threads || not_ok "$how" "$(brief err)"
		cat p/model.safetensors p/masks.safetensors | cksum
	done >sums
	equal "$how: the same bits with 1, 2 and 4 threads" "$(sort -u sums | wc -l | tr -d ' ')" 1
done

prune p run --sparsity 0.3,0.5 -k wanda -d data --calib dense
equal 'a folder for each sparsity' "$(cd p && echo *)" '0.3 0.5'
cp p/0.5/masks.safetensors one
prune p run --sparsity 0.5 -k wanda -d data --calib dense
succeeds 'the same masks alone' cmp one p/masks.safetensors
succeeds 'what is left can be evaluated' "$KNLP" eval loss -d data p
succeeds 'and trained on' tiny again --init p
succeeds 'and pruned again' "$KNLP" prune -o p2 --sparsity 0.6 p
prune p3 run
was=$(hash_of)
prune p4 p3
equal 'what was dropped stays so' "$(hash_of)" "$was"

if "$KNLP" convert -h >/dev/null 2>&1; then
	"$KNLP" convert -q run x.gguf -t f16 >out 2>err
	prune p run -k wanda -d data
	was=$(hash_of)
	succeeds 'a GGUF file in' "$KNLP" prune -q -o p5 -k magnitude x.gguf
	has 'a folder of Hugging Face out' GPT2LMHeadModel p5/config.json
	succeeds 'as halves' "$KNLP" prune -q -o p6 --type f16 -k wanda -d data run
	"$KNLP" convert -q run hf >out 2>err
	prune p7 hf -k wanda -d data
	equal 'the same masks in another format' "$(hash_of)" "$was"
fi

# ---- stored without zeros -------------------------------------------------------------------

loss_of() { "$KNLP" eval loss -q --json -d data "$@" 2>err | field loss /dev/stdin; }
# first KEY: the first number of that name in the JSON that comes in
first() { grep -o "\"$1\":[0-9]*" | head -n 1 | tr -dc '0-9'; }
# near A B: as numbers, to rounding
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(a > 0 && d < 1e-5 && d > -1e-5) }'; }
# sum_of KIND: bytes of the sparse matrices that the formula asks for; f16, rows of whole bytes
sum_of() { sed 's/{"name"/\n&/g' out | sed 1d | sed -n 's/.*"weights":\([0-9]*\),"kept":\([0-9]*\).*/\1 \2/p' |
	awk -v kind="$1" '{ sum += $1 / 8 + 2 * (kind == "mask" ? $2 : $1 / 2) } END { print sum }'; }

if "$KNLP" convert -h >/dev/null 2>&1; then
	for how in '0.7 mask' '0.9 auto' '2:4 2:4'; do
		sparsity=${how% *} sparse=${how#* }
		rm -rf dense back
		prune dense run --type f16 --sparsity "$sparsity"
		prune thin run --type f16 --sparsity "$sparsity" --sparse "$sparse"
		size=$(first bytes <out):$(first dense_bytes <out)
		want=$(sum_of "$([ "$sparse" = 2:4 ] && echo pairs || echo mask)")
		succeeds "$how: to dense" "$KNLP" convert -q thin back
		succeeds "$how: bit for bit" cmp back/model.safetensors dense/model.safetensors
		"$KNLP" info --json thin >out 2>err
		equal "$how: bytes of its matrices" \
			"$(sed 's/.*"sparse":{[^}]*"bytes":\([0-9]*\).*/\1/' out)" "$want"
		equal "$how: prune says so, too" "$size" \
			"$(first bytes <out):$("$KNLP" info --json dense | first bytes)"
		if near "$(loss_of thin)" "$(loss_of dense)"; then
			ok "$how: the loss of the dense model"
		else
			not_ok "$how: the loss of the dense model" "$(loss_of thin), $(loss_of dense)"
		fi
		equal "$how: the same with 1, 2 and 4 threads" "$(for threads in 1 2 4; do
			loss_of thin --threads $threads; done | sort -u | wc -l | tr -d ' ')" 1
	done
	has 'info says the type' '^f16 2:4 ' "$("$KNLP" info thin >table; echo table)"
	has 'and the sparsity' '^sparsity 50.00 % of the 24,576 parameters in 8 sparse' table
	succeeds 'what is sparse writes' "$KNLP" generate -q --prompt The --tokens 5 thin
	succeeds 'is pruned again' "$KNLP" prune -q -o p8 --sparsity 0.8 --sparse auto thin
	succeeds 'and trained on' tiny thicker --init thin
	fails 'no zeros' 1 'none: no matrix of the model would be smaller' \
		"$KNLP" convert run none --sparse auto
	fails 'no 2:4' 1 'no matrix of the model would be smaller as 2:4' \
		"$KNLP" convert run none --sparse 2:4
	fails 'a format without' 1 'format gguf has no sparse matrices' \
		"$KNLP" convert p8 none.gguf --sparse mask
	fails 'a way to store' 2 "is auto, mask or 2:4, not 'csr'" "$KNLP" convert p8 none --sparse csr
	fails 'a way to prune' 2 "is auto, mask or 2:4, not 'csr'" "$KNLP" prune -o none --sparse csr run
	equal 'leaves nothing' "$(ls -d none* 2>/dev/null)" ''
fi

# ---- bad input ----------------------------------------------------------------------------

# bad NAME CODE TEXT ARG...: one line, and nothing is left
bad()
{
	_what=$1
	shift
	_code=$1
	_text=$2
	shift 2
	rm -rf q
	fails "$_what" "$_code" "$_text" "$KNLP" prune -q -o q "$@"
	equal "$_what: one line" "$(wc -l <err | tr -d ' ')" 1
	equal "$_what: no output" "$(ls -d q* 2>/dev/null)" ''
}
bad 'sparsity 0' 1 "'0' is not between 0 and 1" --sparsity 0 run
bad 'sparsity 1' 1 "'1' is not between 0 and 1" --sparsity 1 run
bad 'sparsity above 1' 1 "'1.5' is not between" --sparsity 1.5 run
bad 'N:M of nothing' 1 "0 < N < M" --sparsity 4:2 run
bad 'N:M that does not divide' 1 'c_attn.weight: 2:5 does not divide its 32 columns' --sparsity 2:5 run
bad 'FIM of another model' 1 'of another model than run' -k obd --fim other.fim run
bad 'FIM of another unit' 1 'it is of unit sequence' -k obs_kfac --fim run.fim run
bad 'no FIM' 1 '--fim says where it is' -k obd run
bad 'a FIM file that is none' 1 'text' -k obd --fim text run
bad 'a regex that matches nothing' 1 "PRUNE_INCLUDE: 'nothing' matches none" --include nothing run
bad 'a regex that is none' 1 "PRUNE_EXCLUDE: '('" --exclude '(' run
bad 'no data' 1 '--data says which text' -k wanda run
bad 'too little data' 1 'not the 100000 that PRUNE_SEQUENCES' -k wanda -d data --sequences 100000 run
bad 'longer than the context' 1 'PRUNE_LENGTH=64: the context of the model is 32' -k wanda -d data \
	--length 64 run
bad 'no initial weights' 1 '--initial says where' -k movement_w0 run
bad 'no moments' 1 "reads the optimizer's state" -k bitter7 p
bad 'no such criterion' 2 'PRUNE_CRITERION' -k bitter77 run
bad 'nothing would be left' 1 'nothing would be left' --scope global --sparsity 0.9999 run
bad 'no such model' 1 'no such file' none
bad 'a type' 2 '--type is f32' --type q8_0 run
fails 'no output' 2 '--out is missing' "$KNLP" prune run
fails 'no model' 2 'RUN|MODEL is missing' "$KNLP" prune -o q
mkdir q
fails 'output that exists' 1 'q: exists already' "$KNLP" prune -o q run
equal 'it is as it was' "$(ls q)" ''
rm -rf q
head -c 3000 run.fim >cut.fim
bad 'a FIM file that is cut' 1 'cut.fim' -k obd --fim cut.fim run

# A signal leaves nothing.
"$KNLP" prune -q -o q -k sparsegpt -d data --sequences 900 run >out 2>err &
pid=$!
sleep 0.3
kill -TERM $pid 2>/dev/null
wait $pid 2>/dev/null
rm -rf q
equal 'a signal leaves nothing' "$(ls -d q* 2>/dev/null)" ''

# ---- parameters -----------------------------------------------------------------------------

# live NAME=VALUE [ARG...]: another value gives other weights than the usual one
live()
{
	_set=$1
	shift
	prune p run "$@" || not_ok "${_set%%=*}" "$(brief err)"
	_was=$(cksum <p/model.safetensors)
	prune p run "$@" --set "$_set" || not_ok "$_set" "$(brief err)"
	if [ "$(cksum <p/model.safetensors)" != "$_was" ]; then
		ok "$_set"
	else
		not_ok "$_set" 'changes nothing'
	fi
}
echo 'weight 0.3' >sparsities
live PRUNE_CRITERION=random
live PRUNE_SPARSITY=0.6
live PRUNE_SCOPE=row
live PRUNE_SCOPE=block
live PRUNE_SCOPE=global
for alloc in global erk depth; do live PRUNE_ALLOC=$alloc; done
live PRUNE_ALLOC=owl -d data
live PRUNE_ALLOC=file --set PRUNE_ALLOC_FILE=sparsities
live PRUNE_ALLOC_FILE=more --set PRUNE_ALLOC=file --set PRUNE_ALLOC_FILE=sparsities 2>/dev/null |
	grep -q 'No such file' && ok PRUNE_ALLOC_FILE || not_ok PRUNE_ALLOC_FILE 'is not read'
live PRUNE_FLOOR=0.49 --alloc global
live PRUNE_INCLUDE=mlp
live PRUNE_EXCLUDE=mlp
live PRUNE_TABLES=y
live PRUNE_POWER=0.5 -k scale_free
live PRUNE_EPS=10 -k scale_free
live PRUNE_SEED=2 -k random
live PRUNE_SEED=2 -k wanda -d data
live PRUNE_CALIB=dense -k wanda -d data
live PRUNE_SEQUENCES=3 -k wanda -d data
live PRUNE_LENGTH=5 -k wanda -d data
live PRUNE_UPDATE=obs -d data
live PRUNE_UPDATE=none -k sparsegpt -d data
live PRUNE_DAMP=1 -k sparsegpt -d data
live PRUNE_COLUMNS=8 -k sparsegpt -d data
rm -rf run	# of two blocks one always has most outliers
tiny run --set MODEL_LAYERS=3 >out 2>err
live PRUNE_OWL_M=2 --alloc owl -d data
live PRUNE_OWL_LAMBDA=0.02 --alloc owl -d data
