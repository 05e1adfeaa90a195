# SPDX-License-Identifier: MIT
# scripts/quickstart with a text of our own, from data to sample, and once more.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

quick() { "$SRCTREE/scripts/quickstart" "$@"; }
small() { quick --text=text --dir=quick --minutes=0.001; }

fails "an unknown option" 2 "unknown argument '--nonsense'" quick --nonsense
fails "no number" 2 "'soon' is not a number" quick --minutes=soon
fails "no value" 2 'needs a value' quick --minutes
fails "no text" 1 'nowhere: no such text' quick --text=nowhere
succeeds "--help" quick --help
has "says what there is" '--minutes=N' out

needs train 'data prepare' 'eval loss' generate
english >text
export KNLP
succeeds "all of it" small
for what in '8/8 report' 'held-out loss  *[0-9.]* nats' '^perplexity' 'The kernel' 'Next:'; do
	has "says $what" "$what" out
done
run=$(echo quick/run-*)
find quick -type f ! -name '*.html' ! -name lock ! -name metrics.jsonl -exec sha256sum {} + | sort >first
succeeds "again" small
has "everything is there" 'its [0-9]* steps are done' err
find quick -type f ! -name '*.html' ! -name lock ! -name metrics.jsonl -exec sha256sum {} + | sort >second
equal "and stays as it is" "$(diff first second)" ""

# A run that was cut: as if it had died before its first checkpoint.
cp -r "$run" whole
rm -r "$run"/checkpoints/*
succeeds "a run that was cut goes on" small
equal "to the same weights" "$(cd "$run/checkpoints" && find . -name '*.safetensors' -exec sha256sum {} +)" \
	"$(cd whole/checkpoints && find . -name '*.safetensors' -exec sha256sum {} +)"
