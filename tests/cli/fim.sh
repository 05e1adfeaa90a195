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
has 'error' '^error  *about 0.5 for an element: sqrt(2 / 8)' out

# adam needs no text.
succeeds 'adam' "$KNLP" fim estimate -q --unit adam --out adam.st run

# What does not go together.
fails 'no out' 2 '--out is missing' "$KNLP" fim estimate -d data run
fails 'no data' 2 '--data is missing' "$KNLP" fim estimate -o x.st run
fails 'adam sampled' 2 'unit adam has no sampled labels' "$KNLP" fim estimate -o x.st \
	--unit adam --labels sampled run
fails 'adam halves' 2 'cannot be halved' "$KNLP" fim estimate -o x.st --unit adam --halves run
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
fails 'into a pipe' 1 '--out pipe is a device or a pipe' "$KNLP" fim estimate -d data -o pipe run
equal 'it is still a pipe' "$(find . -name pipe -type p)" ./pipe
equal 'nothing is left of failures' "$(ls x.st* 2>/dev/null)" ''

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
has 'the same model' '"same_model":true,"same_data":true,"only_f":0,"only_g":0' out
succeeds 'a table' "$KNLP" fim compare -q adam.st whole.st
has 'columns' '^tensor  *elements spearman corrected  *null  *inner corrected  *null' out
has 'all' '^all  *[0-9.]*k  *0\.[0-9]*  *0\.[0-9]*  *-' out
for threads in 1 4; do
	"$KNLP" fim compare -q -t $threads --json adam.st whole.st | cksum >compared-$threads
done
equal 'comparisons with 4 threads' "$(cat compared-4)" "$(cat compared-1)"
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
equal 'heads' "$("$KNLP" fim show attention-1.st | grep -c '^layers.[01].attention  *[01] ')" 4
succeeds 'layers only' "$KNLP" fim show --layers whole.st
equal 'no tensors' "$(grep -c transformer out)" 0
fails 'not a file' 1 'No such file' "$KNLP" fim show nothing.st
head -c 3000 whole.st >cut.st
fails 'a cut file' 1 'cut.st' "$KNLP" fim show cut.st
