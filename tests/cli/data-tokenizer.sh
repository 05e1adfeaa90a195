# SPDX-License-Identifier: MIT
#
# knlp data tokenizer: training, and what is made of the result.

. "$SRCTREE/tests/lib.sh"

"$KNLP" | grep -q '^  data tokenizer ' ||
	{ skip "data tokenizer" "knlp data tokenizer is not in this build"; exit 0; }
corpus=$SRCTREE/tests/data/tokenizer/corpus.txt

train() { "$KNLP" data tokenizer -q --input "$corpus" "$@"; }

succeeds "trains" train --vocab 600 --out one.json
has "says the size" 'vocabulary 600, 343 merges; one.json' out
for threads in 1 2 4; do
	train -n 600 -o t.json --force --threads $threads >out 2>err
	equal "$threads threads" "$(cksum <t.json)" "$(cksum <one.json)"
done
train -n 600 -o pipe.json --input - <"$corpus" >out 2>err	# the text twice
succeeds "standard input" grep -q '"merges"' pipe.json
succeeds "into a folder" train -n 300 -o new/folder --special '<a>' --special '<b>'
has "special tokens" '"id": 2, "content": "<b>"' new/folder/tokenizer.json
succeeds "prepare takes it" "$KNLP" data prepare -i "$corpus" -t one.json -o data
succeeds "and is undamaged" "$KNLP" data check data
succeeds "several files" "$KNLP" data tokenizer -n 300 -o two.json -i "$corpus" "$corpus"

succeeds "too little text for N" train -n 100k -o big.json
has "says so" 'and not of 100000: no pair is left that occurs 2 times' err
succeeds "min-count" train -n 100k -o few.json --min-count 50
has "fewer tokens" 'occurs 50 times' err

fails "N without room for bytes" 1 'a vocabulary of 256 is too small' train -n 256 -o x.json
fails "N without room for marks" 1 '2 special tokens are 258' train -n 257 -o x.json --special a
fails "there already" 1 'one.json: exists already' train -n 300 -o one.json
fails "unknown pattern" 1 "pattern 'gpt' is unknown: say one of gpt2, llama3" \
	train -n 300 -o x.json --pattern gpt
fails "no regex" 1 'pattern' train -n 300 -o x.json --pattern 'regex:['
: >empty
fails "empty file" 1 'empty: the file is empty' "$KNLP" data tokenizer -i empty -n 300 -o x.json
fails "no file" 1 'nowhere' "$KNLP" data tokenizer -i nowhere -n 300 -o x.json
printf ' \n\n' >blanks
fails "only blanks" 1 'only blanks' "$KNLP" data tokenizer -i blanks -n 300 -o x.json
fails "no --vocab" 2 '--vocab is missing' "$KNLP" data tokenizer -i "$corpus" -o x.json
fails "no --out" 2 '--out is missing' "$KNLP" data tokenizer -i "$corpus" -n 300
fails "no --input" 2 '--input is missing' "$KNLP" data tokenizer -o x.json -n 300
fails "cannot write" 1 'one.json' train -n 300 -o one.json/x.json
succeeds "nothing left of failures" test ! -e x.json

succeeds "--json" train -n 300 -o j.json --json
has "counts" '"vocab":300,"merges":43,"documents":1,' out
