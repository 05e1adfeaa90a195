# SPDX-License-Identifier: MIT
#
# knlp data info: counts against od, sort and awk.

. "$SRCTREE/tests/lib.sh"

"$KNLP" data info -h >out 2>err ||
	{ skip "data info" "knlp data info is not in this build"; exit 0; }
awk 'BEGIN { for (i = 0; i < 300; i++) print "document " i * i "\n<|endoftext|>" }' >text
"$KNLP" data prepare -q -i text -t byte -o data --shard-tokens 1k >out 2>err

# The ids of a split, one per line.
ids() { for f in data/"$1"_*.bin; do od -An -v -tu2 -w2 -j1024 "$f"; done | tr -d ' '; }
# The most frequent ones: id and count, the smaller id first where counts are equal.
top() { sort -n | uniq -c | sort -k1,1nr -k2,2n | head -n 10 | awk '{ print $2, $1 }'; }
# What the command prints as such, of the part that begins with $1.
shown() { awk -v name="$1:" '/^[a-z]*: / { on = $1 == name } on && $3 ~ /%$/ { print $1, $2 }' out; }

succeeds "folder" "$KNLP" data info data
has "bytes per token" '^train  *[0-9]* ' out
has "sources" '^both  *[0-9]*  *300  [0-9a-f]*  text$' out
has "begins" '^  begins: document 0' out
for split in train val; do
	equal "$split: most frequent" "$(shown $split)" "$(ids $split | top)"
	has "$split: different ones, and the longest document" \
		"^$split: $(ids $split | sort -u | grep -c .) different tokens, longest document $(
			ids $split | awk '$1 == 256 { if (n > m) m = n; n = 0; next } { n++ }
			END { print m }') tokens" out
done
succeeds "shard" "$KNLP" data info data/val_000000.bin
equal "shard: most frequent" "$(shown stream)" "$(od -An -v -tu2 -w2 -j1024 data/val_000000.bin |
	tr -d ' ' | top)"
succeeds "shard with its tokenizer" "$KNLP" data info -t byte data/val_000000.bin
has "shows text" '  begins: document' out
succeeds "tokenizer" "$KNLP" data info byte
has "its vocabulary" 'vocabulary 257, 0 merges, 1 special token, end of text 256' out
succeeds "tokenizer.json" "$KNLP" data info data/tokenizer.json

# Many sources: the figures first, then ten of them.
set --
for i in $(seq 1 13); do
	echo "text $i of many, long enough for a token or two" >"$i.txt"
	set -- "$@" -i "$i.txt"
done
"$KNLP" data prepare -q "$@" --val-fraction 0.3 -t byte -o manydata >out 2>err
succeeds "many sources" "$KNLP" data info manydata
equal "ten of them, last" "$(tail -n 11 out | grep -c '\.txt$') $(tail -n 1 out)" \
	"10 and 3 more: see them with -v"
succeeds "many sources -v" "$KNLP" data info -v manydata
equal "all of them" "$(grep -c '\.txt$' out)" 13

if "$KNLP" version | grep -q JSON; then
	succeeds "--json" "$KNLP" data info data --json
	has "streams" '"streams":{"train":{"frequent":\[{"id":[0-9]*,"count":[0-9]*,"text":"' out
	succeeds "--json of a shard" "$KNLP" data info data/val_000000.bin --json
	succeeds "--json of a tokenizer" "$KNLP" data info byte --json
fi

head -c 1500 data/val_000000.bin >cut.bin
fails "a shard cut short" 1 'cut.bin' "$KNLP" data info cut.bin
head -c 3000 text >text.bin
fails "no shard" 1 'text.bin' "$KNLP" data info text.bin
what='neither a data folder, nor a shard (FILE.bin), nor a tokenizer: '
fails "nothing there" 1 "nowhere: $what" "$KNLP" data info nowhere
fails "a text" 1 "text: $what" "$KNLP" data info text
if "$KNLP" train -h >out 2>err; then
	"$KNLP" train -q --data data --run run --set MODEL_WIDTH=32 --set MODEL_HEADS=2 \
		--set MODEL_LAYERS=1 --set MODEL_CONTEXT=8 --set TRAIN_BATCH=1 \
		--set TRAIN_TOKENS=8 --set TRAIN_WARMUP=0 >out 2>err
	fails "a run" 1 "run: a run: .knlp report run. shows it; its data: $PWD/data\$" \
		"$KNLP" data info run
fi
fails "--tokenizer of a folder" 2 'single shard' "$KNLP" data info -t byte data
# An id that no vocabulary has, in a shard of 32 bits.
{
	printf '\241\331\064\001\007\0\0\0\001\0\0\0'
	head -c 1012 /dev/zero
	printf '\377\377\377\377'
} >huge.bin
fails "an id beyond all vocabularies" 1 'huge.bin: .*beyond' "$KNLP" data info huge.bin
