# SPDX-License-Identifier: MIT
# knlp tokenize
. "$SRCTREE/tests/lib.sh"

if ! "$KNLP" | grep -q '^  tokenize  '; then
	skip tokenize "built without CONFIG_CMD_TOKENIZE"
	exit 0
fi

succeeds bytes "$KNLP" tokenize -t byte 'a b' c
equal bytes-ids "$(cat out)" "97 32 98 32 99"
succeeds pieces "$KNLP" tokenize -t byte --pieces 'a\
	'
equal pieces-lines "$(cat out)" "97	a
92	\\\\
10	\\n
9	\\t"
succeeds count "$KNLP" tokenize -t byte --count abc
equal count-number "$(cat out)" 3
printf 'abc' >text
: >empty
succeeds file "$KNLP" tokenize -t byte --file=text
equal file-ids "$(cat out)" "97 98 99"
succeeds empty "$KNLP" tokenize -t byte --file=empty
equal empty-line "$(cat out)" ""
succeeds empty-text "$KNLP" tokenize -t byte --count ''
equal empty-text-count "$(cat out)" 0
"$KNLP" tokenize -t byte <text >out
equal stdin "$(cat out)" "97 98 99"
"$KNLP" tokenize -t byte --file=- <text >out
equal dash "$(cat out)" "97 98 99"
printf 'a\0\0bc' | "$KNLP" tokenize -t byte --null >out
equal null "$(cat out)" "97

98 99"
succeeds special "$KNLP" tokenize -t byte --count '<|endoftext|>'
equal special-letters "$(cat out)" 13
succeeds parse "$KNLP" tokenize -t byte --parse-special 'a<|endoftext|>'
equal parse-ids "$(cat out)" "97 256"
printf 'a\377' >invalid
succeeds invalid "$KNLP" tokenize -t byte --file=invalid
equal invalid-ids "$(cat out)" "97 255"
succeeds replace "$KNLP" tokenize -t byte --file=invalid --replace-invalid
equal replace-ids "$(cat out)" "97 239 191 189"
succeeds decode "$KNLP" tokenize -t byte --decode '[72, 105]' 256
equal decode-text "$(cat out)" Hi
succeeds decode-special "$KNLP" tokenize -t byte --decode --parse-special 72 256
equal decode-name "$(cat out)" 'H<|endoftext|>'

printf '\3757zXZ\0' >packed.xz
fails xz 1 'packed.xz: compressed (xz): unpack it first' "$KNLP" tokenize -t byte -f packed.xz
"$KNLP" tokenize -t byte <packed.xz >out 2>err
equal xz-stdin $? 1
has xz-stdin-name 'standard input: compressed (xz)' err
if command -v bzip2 >/dev/null && "$KNLP" version | grep -q "^features:.* BZIP2"; then
	bzip2 -k -c text >text.bz2
	succeeds bzip2 "$KNLP" tokenize -t byte --file=text.bz2
	equal bzip2-ids "$(cat out)" "97 98 99"
else
	skip bzip2 "no bzip2 here, or built without CONFIG_BZIP2"
fi

fails none 2 '--tokenizer or --model' "$KNLP" tokenize a
fails both 2 '--tokenizer and --model exclude each other' "$KNLP" tokenize -t byte -m x a
fails two 2 'text and --file' "$KNLP" tokenize -t byte --file=text a
fails three 2 'only one of' "$KNLP" tokenize -t byte --count --pieces a
fails decode-option 2 'options that encode' "$KNLP" tokenize -t byte --decode --add-special 1
fails letters 1 "'x' is no token id" "$KNLP" tokenize -t byte --decode x
fails big 1 'is no token id' "$KNLP" tokenize -t byte --decode 99999999999999999999999
fails outside 1 'not in the vocabulary' "$KNLP" tokenize -t byte --decode 300
fails nothing 1 'nonsense' "$KNLP" tokenize -t nonsense a
fails no-file 1 'missing.txt' "$KNLP" tokenize -t byte --file=missing.txt

if ! "$KNLP" version --json | grep -q cJSON; then
	skip json "built without CONFIG_JSON"
	exit 0
fi
succeeds json "$KNLP" tokenize -t byte --json --pieces 'aé'
has json-ids '"ids":\[97,195,169\]' out
has json-pieces '"pieces":\["a",' out
has json-tokens '"tokens":3' out
succeeds json-count "$KNLP" tokenize -t byte --json --count a
has json-number '"tokens":1' out
fails json-null 2 '--null goes with' "$KNLP" tokenize -t byte --json --null a

SMALL=$SRCTREE/tests/data/tokenizer
succeeds text "$KNLP" tokenize -t "$SMALL/small.json" "The telegraph"
succeeds back "$KNLP" tokenize -m "$SMALL/small.json" --decode "$(cat out)"
equal back-text "$(cat out)" "The telegraph"
succeeds all-bytes "$KNLP" tokenize -t "$SMALL/small.json" --file=invalid
equal all-bytes-quiet "$(cat err)" ""
# The token of byte 255 becomes one of three bytes.
sed 's/"ÿ"/"ÿÿÿ"/' "$SMALL/small.json" >lacks.json
succeeds lost "$KNLP" tokenize -t lacks.json --file=invalid
equal lost-ids "$(cat out)" "$("$KNLP" tokenize -t lacks.json a)"
has lost-said 'lacks.json has no tokens for some bytes of the text: these are left out' err
