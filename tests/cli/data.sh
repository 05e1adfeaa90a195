# SPDX-License-Identifier: MIT
#
# knlp data prepare and knlp data check.

. "$SRCTREE/tests/lib.sh"

fixtures=$SRCTREE/tests/data/tokenizer

# docs FROM TO: documents with marks
docs()
{
	awk -v from="$1" -v to="$2" \
		'BEGIN { for (i = from; i < to; i++) print "document " i "\n<|endoftext|>" }'
}
# nothing_left NAME DIR: neither it nor its temporary folder
nothing_left()
{
	equal "$1" "$(ls -d "$2"* 2>/dev/null)" ""
}

docs 0 200 >text
docs 150 250 >other
"$KNLP" data prepare -h >out 2>err || { skip data "knlp data is not in this build"; exit 0; }

# ---- what it makes ----------------------------------------------------------------
succeeds "prepare bytes" "$KNLP" data prepare --input text --tokenizer byte --out bytes
has "table has both splits" '^val  *[1-9]' out
equal "files" "$(cd bytes && echo ./*)" \
	"./manifest.yaml ./tokenizer.json ./train_000000.bin ./val_000000.bin"
has "manifest names the source" 'file: "text"' bytes/manifest.yaml
succeeds "check" "$KNLP" data check bytes
equal "magic of llm.c" "$(od -An -td4 -N8 bytes/val_000000.bin | tr -s ' ')" " 20240520 1"

"$KNLP" data prepare --input text --tokenizer byte --out again >/dev/null 2>&1
equal "the same again" "$(cd again && cksum ./*)" "$(cd bytes && cksum ./*)"
"$KNLP" data prepare --input text --tokenizer byte --seed 2 --out seed2 >/dev/null 2>&1
if cmp -s seed2/val_000000.bin bytes/val_000000.bin; then
	not_ok "another seed divides differently" "the same documents"
else
	ok "another seed divides differently"
fi

if command -v python3 >/dev/null && python3 -c 'import yaml' 2>/dev/null; then
	equal "manifest is YAML" "$(python3 -c 'import yaml
m = yaml.safe_load(open("bytes/manifest.yaml"))
print(m["train"]["documents"] + m["val"]["documents"], m["tokenizer"]["vocab"])')" "200 257"
else
	skip "manifest is YAML" "no Python with yaml"
fi

succeeds "several inputs" "$KNLP" data prepare --input text other --tokenizer byte --out two
succeeds "validation files" "$KNLP" data prepare --input text --val other -t byte -o given
has "documents of both are left out" '^50 training documents left out' out
succeeds "shards of a size" "$KNLP" data prepare -i text -t byte -o parts --shard-tokens 1k
succeeds "several shards" test -e parts/train_000001.bin
succeeds "check several shards" "$KNLP" data check parts

tr -d '<|>' <text >plain
succeeds "one document" "$KNLP" data prepare -i plain -t byte -o plain-data
has "says that it is cut" 'one document only' err
succeeds "separator" "$KNLP" data prepare -i plain -t byte -o lines --separator '\n'
has "documents by separator" '^train  *3[0-9][0-9] ' out

if "$KNLP" version | grep -q TOKENIZER_BPE; then
	succeeds "prepare with BPE" "$KNLP" data prepare --input "$fixtures/corpus.txt" \
		--tokenizer "gpt2:$fixtures" --piece-bytes 300 --out bpe
	succeeds "check BPE" "$KNLP" data check bpe
	"$KNLP" data prepare --input "$fixtures/corpus.txt" --tokenizer "$fixtures/small.json" \
		--piece-bytes 300 --out bpe2 >/dev/null 2>&1
	equal "either form of the tokenizer" "$(cksum <bpe2/train_000000.bin)" \
		"$(cksum <bpe/train_000000.bin)"
else
	fails "no BPE in this build" 1 CONFIG_TOKENIZER_BPE "$KNLP" data prepare --input text \
		--tokenizer "gpt2:$fixtures" --out bpe
fi

if "$KNLP" version | grep -q JSON; then
	succeeds "prepare --json" "$KNLP" data prepare -i text -t byte -o json --json
	equal "one line" "$(wc -l <out | tr -d ' ')" 1
	has "with the counts" '"val":{"documents":[1-9]' out
	succeeds "check --json" "$KNLP" data check json --json
fi

succeeds "parents are made" "$KNLP" data prepare -i text -t byte -o new/parent/data
has "little validation text" 'tokens for validation' err
"$KNLP" data prepare -i - -t byte -o stdin >out 2>err <text
equal "standard input" "$? $(cksum <stdin/train_000000.bin)" "0 $(cksum <bytes/train_000000.bin)"
cp text twin
"$KNLP" data prepare -i text twin -t byte -o twins >out 2>err
has "duplicate" 'twin: duplicate: the same text as text' err
{ cat text && head -c 3000 /dev/urandom; } >noise
"$KNLP" data prepare -i noise -t byte -o noisy >out 2>err
has "noise" 'noise: .* is it text' err

# ---- what it refuses --------------------------------------------------------------
fails "no input" 2 'input is missing' "$KNLP" data prepare --tokenizer byte --out x
fails "no tokenizer" 2 'tokenizer is missing' "$KNLP" data prepare --input text --out x
fails "no output" 2 'out is missing' "$KNLP" data prepare --input text --tokenizer byte
fails "fraction out of range" 2 'val-fraction' \
	"$KNLP" data prepare -i text -t byte -o x --val-fraction 1.5
fails "fraction and files" 2 'exclude' \
	"$KNLP" data prepare -i text -t byte -o x --val other --val-fraction 0.1
fails "loose file after --val" 2 'before each' \
	"$KNLP" data prepare -i text -t byte -o x --val other text
fails "missing input" 1 'missing-file: No such file' \
	"$KNLP" data prepare -i missing-file -t byte -o x
: >empty
fails "empty input" 1 'empty: the file is empty' "$KNLP" data prepare -i empty -t byte -o x
printf ' \n\n' >blank
fails "blank input" 1 'only blanks' "$KNLP" data prepare -i blank -t byte -o x
fails "directory as input" 1 'not a regular file' "$KNLP" data prepare -i . -t byte -o x
fails "unknown tokenizer" 1 'nonsense' "$KNLP" data prepare -i text -t nonsense -o x
printf '%s' 'a<|endoftext|>a<|endoftext|> a' >copies
fails "one side empty" 1 'all 3 documents are training' \
	"$KNLP" data prepare -i copies -t byte -o x --val-fraction 0.0001
fails "all held out" 1 'documents are validation' \
	"$KNLP" data prepare -i copies -t byte -o x --val-fraction 0.9999
fails "a file in the way" 1 'text' "$KNLP" data prepare -i text -t byte -o text/x
fails "output first" 1 'bytes: exists already' "$KNLP" data prepare -i missing -t byte -o bytes
fails "no part for validation" 2 'between 0 and 1' \
	"$KNLP" data prepare -i text -t byte -o x --val-fraction 0
fails "tiny shards" 2 'is not in 1000' \
	"$KNLP" data prepare -i text -t byte -o x --shard-tokens 1
fails "empty name" 2 "'--out': the value is empty" "$KNLP" data prepare -i text -t byte -o ''
fails "near a tokenizer" 1 "did you mean 'byte'" "$KNLP" data prepare -i text -t byts -o x
mkdir openai piece
: >openai/vocab.bpe
: >piece/tokenizer.model
fails "OpenAI's files" 1 'say gpt2:openai' "$KNLP" data prepare -i text -t openai -o x
fails "SentencePiece" 1 'piece/tokenizer.model' "$KNLP" data prepare -i text -t piece -o x
fails "SentencePiece file" 1 'piece/tokenizer.model' \
	"$KNLP" data prepare -i text -t piece/tokenizer.model -o x
echo hello >short
fails "too small" 1 'too small' "$KNLP" data prepare -i short -t byte -o x
fails "existing folder" 1 'exists already' "$KNLP" data prepare -i text -t byte -o bytes
nothing_left "nothing is left" x

succeeds "--force replaces" "$KNLP" data prepare -i other -t byte -o again --force
has "the new source" 'file: "other"' again/manifest.yaml
mkdir mine
echo important >mine/notes
fails "--force spares other folders" 1 "holds 'notes'" \
	"$KNLP" data prepare -i other -t byte -o mine --force
equal "they are as they were" "$(cat mine/notes)" important

# ---- cut short --------------------------------------------------------------------
docs 0 300000 >large
(ulimit -f 100 && exec "$KNLP" data prepare -i large -t byte -o full) >out 2>err
equal "full disk: exit code" $? 1
has "full disk: says why" 'too large' err
nothing_left "full disk: nothing is left" full

mkfifo gate
(read -r _ <gate; exec "$KNLP" data prepare -q -i large -t byte -o cut >/dev/null 2>err) &
pid=$!
echo go >gate
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	ls -d cut* >/dev/null 2>&1 && break
	sleep 0.05
done
kill -TERM $pid
wait $pid
code=$?
if [ -d cut ]; then
	skip "interrupted" "it was done before the signal came"
else
	equal "interrupted: exit code" $code 1
	has "interrupted: says so" 'interrupted' err
	nothing_left "interrupted: nothing is left" cut
fi

# ---- damage -----------------------------------------------------------------------
fails "no such folder" 1 'no-such-folder: no such data folder' "$KNLP" data check no-such-folder
fails "no data folder" 1 'not a data folder' "$KNLP" data check mine
cp -r bytes bad
printf 'x' | dd of=bad/val_000000.bin bs=1 seek=1030 conv=notrunc 2>/dev/null
fails "altered shard" 1 'val_000000.bin: damaged' "$KNLP" data check bad
head -c 1100 bytes/val_000000.bin >bad/val_000000.bin
fails "truncated shard" 1 'val_000000.bin: truncated: header says [0-9]* tokens, file holds 38' \
	"$KNLP" data check bad
rm bad/val_000000.bin
fails "missing shard" 1 'val_000000.bin: No such file' "$KNLP" data check bad
cp bytes/val_000000.bin bad
sed 's/vocab: 257/vocab: 300/' bytes/manifest.yaml >bad/manifest.yaml
fails "other vocabulary" 1 'bad' "$KNLP" data check bad
