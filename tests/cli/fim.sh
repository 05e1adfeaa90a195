# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
# knlp fim: estimates of a trained model.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs 'fim estimate' train 'data prepare'
english | head -c 40000 >text
prepare_text text
succeeds trains tiny run

# est FILE ARG...: an estimate of the run
est()
{
	_file=$1
	shift
	"$KNLP" fim estimate -q --data data --sequences 8 --out "$_file" "$@" run
}

# The same bits whatever the number of threads; another seed is another sample.
for unit in sequence token batch position kfac attention; do
	labels=sampled
	[ $unit != attention ] || labels=observed
	for threads in 1 2 4; do
		succeeds "$unit with $threads threads" est $unit-$threads.st --unit $unit \
			--labels $labels --threads $threads
	done
	equal "$unit: bits of 2 threads" "$(cksum <$unit-2.st)" "$(cksum <$unit-1.st)"
	equal "$unit: bits of 4 threads" "$(cksum <$unit-4.st)" "$(cksum <$unit-1.st)"
	succeeds "$unit on another device" est $unit-remote.st --unit $unit --labels $labels \
		--device remote
	equal "$unit: bits of another device" "$(cksum <$unit-remote.st)" "$(cksum <$unit-1.st)"
	succeeds "$unit, another seed" est $unit-seed.st --unit $unit --labels $labels --seed 2
	if cmp -s $unit-1.st $unit-seed.st; then
		not_ok "$unit: another sample" "the same bits"
	else
		ok "$unit: another sample"
	fi
done

# Options are parameters.
succeeds 'by parameters' "$KNLP" fim estimate -q -d data -o set.st --set FIM_SEQUENCES=8 \
	--set FIM_UNIT=token --set FIM_LABELS=sampled run
equal 'options are parameters' "$(cksum <set.st)" "$(cksum <token-1.st)"

# The answer.
succeeds 'says what it did' est a.st --json
has 'JSON' '"file":"a.st","unit":"sequence","labels":"observed","sequences":8' out
has 'squares' '"squares":8,"relative_error":0.5,"scale":"nats^2 per token"' out
succeeds 'for people' est a.st
has 'unit' '^unit  *sequence, labels observed$' out
has 'error' '^error  *about 50 % of an element: sqrt(2 / 8)' out

# adam needs no text.
succeeds 'adam' "$KNLP" fim estimate -q --unit adam --out adam.st run
# 40 steps: (1 + b) (1 - b^40) / ((1 - b) (1 + b^40)).
beta=$(sed -n 's/^CONFIG_OPTIM_BETA2="\(.*\)"/\1/p' run/config)
has 'adam: what its sample amounts to' "^sample  *as much as $(awk -v b="$beta" 'BEGIN {
	n = (1 + b) * (1 - b ^ 40) / ((1 - b) * (1 + b ^ 40)); print int(n + 0.999999999) }') steps, \
by how the decay weighs 40 of them: " out
succeeds 'adam: what it ignores' "$KNLP" fim estimate -q --unit adam --out ignored.st --first 8 \
	--data data run
has 'adam: it says so' 'unit adam looks at no text: --first is ignored' err
equal 'adam: and does' "$(cksum <ignored.st)" "$(cksum <adam.st)"

# What does not go together.
fails 'no out' 2 '--out is missing' "$KNLP" fim estimate -d data run
fails 'no data' 2 '--data is missing' "$KNLP" fim estimate -o x.st run
fails 'adam sampled' 2 'unit adam has no sampled labels' "$KNLP" fim estimate -o x.st \
	--unit adam --labels sampled run
fails 'adam halves' 2 'cannot be halved' "$KNLP" fim estimate -o x.st --unit adam --halves run
fails 'draws of observed labels' 2 '--draws is of sampled labels' est x.st --draws 4
fails 'positions of sequences' 2 '--positions is for unit token, not sequence' est x.st --positions 4
fails 'batches of positions' 2 '--batch is for unit batch, not position' est x.st --batch 4 -u position
fails 'no such unit' 2 'tokens' "$KNLP" fim estimate -o x.st -d data --unit tokens run
fails 'no such part' 2 "--store 'all': there are diag, row, column and sum" "$KNLP" fim estimate \
	-o x.st -d data --store all run
fails 'halves of nothing' 2 '--store has no diag' "$KNLP" fim estimate -o x.st -d data \
	--store row --halves run
fails 'shrink' 2 "--shrink '2': must be auto or in 0..1" "$KNLP" fim estimate -o x.st -d data \
	--shrink 2 run
fails 'kfac has no parts' 2 'unit kfac has none' "$KNLP" fim estimate -o x.st -d data --unit kfac \
	--store row run
fails 'too much' 1 'FIM_SEQUENCES is 1000000' "$KNLP" fim estimate -o x.st -d data -n 1000000 run
fails 'no such folder' 1 'No such file' "$KNLP" fim estimate -o none/x.st -d data run
fails 'no such model' 1 'no such run or model' "$KNLP" fim estimate -o x.st -d data nothing
mkfifo pipe
fails 'into a pipe' 1 'pipe is a device or a pipe' "$KNLP" fim estimate -d data -o pipe run
equal 'it is still a pipe' "$(find . -name pipe -type p)" ./pipe
equal 'nothing is left of failures' "$(ls x.st* 2>/dev/null)" ''

# Only a FIM file is replaced: neither what is estimated nor what says how it came about.
weights=$(newest run)/model.safetensors
before=$(cksum <"$weights")
fails 'over the weights' 1 "$weights is there, and no FIM file" est "$weights"
equal 'the weights are there' "$(cksum <"$weights")" "$before"
fails 'over a manifest' 1 'run/manifest.yaml is there, and no FIM file' est run/manifest.yaml
: >empty.st
succeeds 'over an empty file' est empty.st

# Cut: no file, nothing half-written; what was there stays.
cp a.st kept.st
"$KNLP" fim estimate -q -d data -o kept.st -n 200 --unit token --positions 32 --draws 50 \
	--labels sampled run >out 2>err &
pid=$!
sleep 0.2
kill -KILL $pid
wait $pid 2>/dev/null
equal 'a cut estimate leaves the old file' "$(cksum <kept.st)" "$(cksum <a.st)"

# Every FIM_ parameter is live: another value changes values, not just metadata.  Each unit
# and each kind of labels is unlike all others.
values_of()
{
	_n=$(od -An -tu8 -N8 "$1" | tr -d ' ')
	tail -c +$((_n + 9)) "$1" | cksum
}
live()
{
	_name=$1
	shift
	rm -f live.st
	"$KNLP" fim estimate -q --data data --out live.st --set FIM_SEQUENCES=8 "$@" run >out 2>err
	[ -s live.st ] || not_ok "$_name: an estimate" "$(cat err)"
	values_of live.st
}
usual=$(live usual)
for name in FIM_LABELS=sampled FIM_SEQUENCES=9 FIM_SEED=5 FIM_HALVES=y; do
	[ "$(live $name --set $name)" != "$usual" ] && ok "$name" || not_ok "$name" 'changes nothing'
done
for pair in FIM_POSITIONS=3:FIM_UNIT=token FIM_BATCH=4:FIM_UNIT=batch \
	FIM_DRAWS=2:FIM_LABELS=sampled; do
	name=${pair%:*} with=${pair#*:}
	if [ "$(live $name --set $with --set $name)" != "$(live $with --set $with)" ]; then
		ok "$name"
	else
		not_ok "$name" 'changes nothing'
	fi
done
words=$("$KNLP" config --help-for=FIM_UNIT | sed -n 's/^type: *one of \(.*\) from end$/\1/p')
for word in $words; do live "$word" --set FIM_UNIT="$word"; done >all
equal 'each unit is unlike all others' "$(sort -u all | wc -l | tr -d ' ')" \
	"$(echo "$words" | wc -w | tr -d ' ')"

# Estimates of two parts of a sample, merged, are that of the whole but for rounding.
needs 'fim merge' 'fim compare'
succeeds 'whole' est whole.st --halves
succeeds 'first part' est one.st --sequences 4 --halves
succeeds 'second part' est two.st --sequences 4 --first 4 --halves
succeeds 'merges' "$KNLP" fim merge --json --out merged.st one.st two.st
has 'merged samples' '"samples":"0-3,4-7"' out
fails 'merged into a pipe' 1 'pipe is a device or a pipe' "$KNLP" fim merge -o pipe one.st two.st
succeeds 'compares' "$KNLP" fim compare -q --json whole.st merged.st
has 'the same ratio' '"ratio":\(1\|1.0000000[0-9]*\|0.9999999[0-9]*\),' out
has 'the same model' \
	'"same_model":true,"same_data":true,"common_samples":true,"only_f":0,"only_g":0' out
succeeds 'other texts' "$KNLP" fim compare -q --json one.st two.st
has 'no samples in common' '"common_samples":false' out
est short.st --context 16 --halves
tiny run-2 --set TRAIN_SEED=2 >out 2>err
"$KNLP" fim estimate -q --data data --sequences 8 --out weights-2.st --seed 2 run-2
succeeds 'what misleads' "$KNLP" fim compare -q whole.st short.st
has 'samples in common' '^   of texts in common: they share noise' out
has 'other contexts' '^   of sequences of 32 and 16 tokens$' out
succeeds 'another model' "$KNLP" fim compare -q whole.st weights-2.st
has 'other weights' '^   of different weights$' out
equal 'another seed, other samples' "$(grep -c 'in common: they' out)" 0
succeeds 'a table' "$KNLP" fim compare -q adam.st whole.st
has 'columns' '^tensor  *elements spearman corrected  *null  *inner corrected  *null' out
has 'all' '^all  *[0-9.]*k  *0\.[0-9]*  *0\.[0-9]*  *-' out
for threads in 1 4; do
	"$KNLP" fim compare -q -t $threads --json adam.st whole.st | cksum >compared-$threads
done
equal 'comparisons with 4 threads' "$(cat compared-4)" "$(cat compared-1)"
# damage FROM TO TENSOR BYTES: the first element of a tensor, by where the header says it is
damage()
{
	cp "$1" "$2"
	_n=$(od -An -tu8 -N8 "$1" | tr -d ' ')
	_at=$(head -c $((_n + 8)) "$1" | tail -c +9 | sed "s/.*\"$3\":{[^}]*offsets\":\[\([0-9]*\),.*/\1/")
	# shellcheck disable=SC2059 # escapes
	printf "$4" | dd of="$2" bs=1 seek=$((_n + 8 + _at)) conv=notrunc 2>/dev/null
}
half=transformer.h.0.attn.c_attn.weight.half
damage one.st bad.st $half '\000\000\300\377'
fails 'merge of a damaged half' 1 "bad.st: '$half' has -*nan as element 0" \
	"$KNLP" fim merge --out x.st bad.st two.st
est shrunk.st --halves --shrink 0.5
damage shrunk.st bad.st transformer.wte.weight.shrink '\000\000\300\177'
fails 'compare with a damaged shrink' 1 "weight.shrink' is nan: must be in 0..1" \
	"$KNLP" fim compare bad.st one.st
fails 'merge over weights' 1 'is there, and no FIM file' "$KNLP" fim merge --out "$weights" one.st two.st
equal 'nothing came of these' "$(ls x.st* 2>/dev/null) $(cksum <"$weights")" " $before"
fails 'merge without out' 2 '--out is missing' "$KNLP" fim merge one.st two.st
fails 'merge of one' 2 'F is missing' "$KNLP" fim merge --out x.st one.st
fails 'merge of the same' 1 'have samples in common' "$KNLP" fim merge --out x.st one.st whole.st
fails 'compare kfac' 1 'has no diagonal' "$KNLP" fim compare kfac-1.st kfac-2.st
fails 'compare weights' 1 "this program reads 'knlp fim'" "$KNLP" fim compare "$(newest run)/model.safetensors" \
	one.st

# Shown: tensors and layers add up; a page is one well-formed file.
needs 'fim show'
succeeds 'show' "$KNLP" fim show whole.st
has 'a tensor' '^transformer.wte.weight  *[0-9.]*k  *[0-9.e-]*  *[0-9.e-]*  *[0-9.]*%' out
has 'all' '^all .* 100.00%' out
equal 'layers' "$(grep -c '^[01] ' out)" 2
shares=$(sed -n '/^layer/q; s/^transformer.* \([0-9.]*\)%  *[0-9.e+]*  *[0-9.]*%$/\1/p' out |
	awk '{ s += $1 } END { print (s > 99.7 && s < 100.3) }')
equal 'shares of tensors' "$shares" 1
est sums.st --store row,sum
"$KNLP" fim show --json sums.st >sums.json
"$KNLP" fim show --json a.st >a.json
equal 'the sum of sums' "$(sed -n 's/.*"seed":1,"sum":\([0-9.]\{6\}\).*/\1/p' sums.json)" \
	"$(sed -n 's/.*"seed":1,"sum":\([0-9.]\{6\}\).*/\1/p' a.json)"
for file in whole kfac-1 attention-1 sums; do
	succeeds "page of $file" "$KNLP" fim show --html $file.html $file.st
	equal "page of $file: closed" "$(tail -n 1 $file.html)" '</html>'
	has "page of $file: heatmaps" '<g class="heat">' $file.html
done
"$KNLP" fim show attention-1.st >heads
equal 'heads' "$(grep -c '^layers.[01].attention  *[01] ' heads)" 4
equal 'means of layers' "$(awk '/mean/ { on = 1 } on && $1 == "layers.0.attention" { print $3 }' \
	heads)" "$(awk '/mean/ { exit } $1 == "layers.0.attention" { s += $3 } END { printf "%.4g", s / 2 }' heads)"
has 'figures of heads have units of their own' '^rows .*entropy in nats' heads
equal 'and not that of weights' "$(grep -c 'nats^2' heads attention-1.html | tr '\n' ' ')" \
	"heads:0 attention-1.html:0 "
has 'the page has their table' '<td[^>]*>layers.1.attention</td>' attention-1.html
has 'a page says what it is of' 'checksum of the weights' whole.html
succeeds 'a page anew' "$KNLP" fim show --html whole.html whole.st
fails 'a page over a FIM file' 1 'a.st is there, and no page' "$KNLP" fim show --html a.st whole.st
succeeds 'layers only' "$KNLP" fim show --layers whole.st
equal 'no tensors' "$(grep -c transformer out)" 0
"$KNLP" convert run hf >out 2>err
if [ -f hf/config.json ]; then
	fails 'adam of weights alone' 1 'hf has no state of an optimizer: unit adam reads the' \
		"$KNLP" fim estimate --unit adam -o x.st hf
fi
fails 'a folder' 1 'run is a folder: a FIM file is one file' "$KNLP" fim show run
fails 'not a file' 1 'No such file' "$KNLP" fim show nothing.st
head -c 3000 whole.st >cut.st
fails 'a cut file' 1 'cut.st' "$KNLP" fim show cut.st
