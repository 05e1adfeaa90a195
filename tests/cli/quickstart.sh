# SPDX-License-Identifier: MIT
# scripts/quickstart with a text of our own, from data to sample, and once more.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

quick() { "$SRCTREE/scripts/quickstart" "$@"; }
small() { quick --text=text --dir=quick --minutes=0.001; }

fails "an unknown option" 2 "unknown argument '--nonsense'" quick --nonsense
fails "no number" 2 "'soon' is not a number" quick --minutes=soon
fails "no time" 2 "'0' is not a number above 0 and up to 10000" quick --minutes=0
equal "that takes one line" "$(grep -c . err)" 1
fails "no value" 2 'needs a value' quick --minutes
fails "no text" 1 'nowhere: no such text' quick --text=nowhere
echo 'a few words' >short
fails "a short text" 1 'short: 12 bytes are too few: at least about 20 kB' quick --text=short
succeeds "--help" quick --help
has "says what there is" '--minutes=N' out

needs train 'data prepare' 'eval loss' generate
english >text
export KNLP
succeeds "all of it" small
for what in '9/10 Fisher information' '^layer  *elements' '^tensor  *elements' '^all .* 100.00%' \
	'quick/fim.html$' '10/10 pruning' '^obd: .*: gain ' \
	'held-out loss  *[0-9.]* nats' '^perplexity' "^$(head -n 1 text | cut -c 1-6)" 'Next:'; do
	has "says $what" "$what" out
done
run=$(echo quick/run-*)
find quick -type f ! -name '*.html' ! -name lock ! -name metrics.jsonl -exec sha256sum {} + | sort >first
succeeds "again" small
has "everything is there" 'its [0-9]* steps are done' err
find quick -type f ! -name '*.html' ! -name lock ! -name metrics.jsonl -exec sha256sum {} + | sort >second
equal "and stays as it is" "$(diff first second)" ""

# Three steps or so: they are not all warm-up.
tokens=${run##*-}
equal "the warm-up is a tenth of the run" "$(sed -n 's/^CONFIG_TRAIN_WARMUP=//p' "$run/config")" \
	$((tokens / 1024 / 10))
printf '%s\nthis machine does 9 tokens/s now: 1/2 of the usual text' "$tokens" >quick/budget-0.001
small >out 2>err
has "a smaller budget is said" '1/2 of the usual.*remove .*/quick/budget-0.001, start again)$' out
cp text other
echo 'one more line' >>other
fails "another text in the same folder" 1 \
	'quick was made from .*/text ([0-9]* bytes, cksum .*), and this is .*/other (.*: give another --dir' \
	quick --text=other --dir=quick --minutes=0.001
fails "no text in that folder" 1 'quick was made from .*/text (.* and this is .*linux-doc' \
	quick --dir=quick --minutes=0.001
echo 'one more line' >>text
fails "the text was edited" 1 'was made from .*/text (.*), and this is .*/text (' small
english >text

# A run that was cut: as if it had died before its first checkpoint.
cp -r "$run" whole
rm -r "$run"/checkpoints/*
succeeds "a run that was cut goes on" small
equal "to the same weights" "$(cd "$run/checkpoints" && find . -name '*.safetensors' -exec sha256sum {} +)" \
	"$(cd whole/checkpoints && find . -name '*.safetensors' -exec sha256sum {} +)"
