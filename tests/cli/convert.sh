# SPDX-License-Identifier: MIT
# knlp convert and knlp info: models in the formats of other programs.  What the files hold
# is compared in tests/unit/test-formats.c.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"
needs convert info train 'data tokenizer' generate

models=$SRCTREE/tests/data/formats

# ---- knlp info ---------------------------------------------------------------------

succeeds "info" "$KNLP" info "$models/gemma3.gguf"
has "architecture" 'format gguf, architecture gemma3, family gemma3$' out
has "sizes" '^7 layers, width 16, 2 heads of 16, 1 key-value heads, MLP 24, context 128$' out
has "windows" '6 layers see 8 tokens$' out
has "types" '^bf16 .* 16$' out
has "metadata" '^  gemma3.attention.sliding_window  *8$' out
succeeds "info of a folder" "$KNLP" info --tensors "$models/gpt2"
has "a tensor" '^transformer.h.1.mlp.c_fc.weight  *bf16  *(64, 16)  *2048$' out
succeeds "info --json" "$KNLP" info --json --tensors "$models/llama.gguf"
has "bits_per_weight" '"bits_per_weight":16\.[0-9]*,' out
has "tensor_list" '{"name":"lm_head.weight","type":"bf16","shape":\[12,16\],"bytes":384}' out
fails "info: nothing there" 1 'nothing: no such file' "$KNLP" info nothing
echo text >text.txt
fails "info: no model" 1 'text.txt: no model that knlp reads' "$KNLP" info text.txt
fails "info: a file of a folder" 1 "config.json: part of a model: give the folder $models/gpt2" \
	"$KNLP" info "$models/gpt2/config.json"
fails "info: a folder around models" 1 "formats: a folder with a model in it: say $models/gemma3.gguf" \
	"$KNLP" info "$models"
mkdir nothing
fails "info: an empty folder" 1 'nothing: no model that knlp reads' "$KNLP" info nothing
rmdir nothing
ln -s nothing link
fails "info: a link to nothing" 1 'link: No such file or directory' "$KNLP" info link
if [ "$(id -u)" -ne 0 ]; then
	: >secret
	chmod 000 secret
	fails "info: a file of others" 1 'secret: Permission denied' "$KNLP" info secret
	rm -f secret
fi
rm link
head -c 10000 "$models/llama.gguf" >cut.gguf
fails "info: cut" 1 '^knlp: error: cut.gguf: cut short: tensor' "$KNLP" info cut.gguf

# ---- refusals ----------------------------------------------------------------------

fails "wrong type" 2 "--type is f32, f16 or bf16, not 'q4_0'" \
	"$KNLP" convert "$models/llama" x.gguf --type=q4_0
fails "wrong format" 2 'the formats are gguf, hf, knlp, llama2c' \
	"$KNLP" convert "$models/llama" x.gguf --format=onnx
fails "no OUT" 2 'convert: OUT is missing' "$KNLP" convert x
fails "neither" 2 'convert: IN is missing' "$KNLP" convert
fails "standard output" 2 'OUT is a file or folder, not standard output' "$KNLP" convert "$models/llama" -
fails "no format by name" 1 'x.safetensors: which format is it to be: the formats are gguf' \
	"$KNLP" convert "$models/llama" x.safetensors
fails "no such model" 1 'nothing: no such file' "$KNLP" convert nothing x.gguf
fails "damaged" 1 'cut.gguf: cut short' "$KNLP" convert cut.gguf x.gguf
fails "cannot hold" 1 'x.bin: llama2.c has Llama only' "$KNLP" convert "$models/qwen2" x.bin
mkdir old
fails "exists" 1 'old: exists already' "$KNLP" convert "$models/llama" old
fails "no folder" 1 'no/x.gguf' "$KNLP" convert "$models/llama" no/x.gguf
equal "nothing was written" "$(ls)" "cut.gguf
err
old
out
text.txt
tiny.config"

# ---- signals -------------------------------------------------------------------------

# A model of llama2.c with nothing but zeros, 67 MB of them, and without a tokenizer.
mkdir big
printf '\100\0\0\0\100\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\0\0\4\0\10\0\0\0' >big/zero.bin
dd if=/dev/zero of=big/zero.bin bs=1 count=0 seek=67226396 2>/dev/null
succeeds "a model of zeros" "$KNLP" info big/zero.bin
# cut_off OUT SIGNAL: convert, and send it when something is there
cut_off()
{
	"$KNLP" convert -q big/zero.bin "big/$1" 2>err &
	while kill -0 $! 2>/dev/null && [ "$(echo big/*)" = big/zero.bin ]; do
		:
	done
	kill "-$2" $!
	wait $!
	equal "$2 into $1" "$? $(echo big/*)" "$3 big/zero.bin"
}
cut_off zero.gguf TERM 143
cut_off folder TERM 143
cut_off folder HUP 129
rm -r big

# ---- tokenizers beside models --------------------------------------------------------

if "$KNLP" | grep -q '^  tokenize  '; then
	mkdir beside
	succeeds "a model of llama2.c" "$KNLP" convert -q "$models/llama" beside/x.bin
	rm -f beside/tok*
	fails "without a tokenizer" 1 'x.bin: no tokenizer is in it, nor beside it' \
		"$KNLP" tokenize -m beside/x.bin a
	{
		printf '\1\0\0\0'
		for letter in x y z a b c d e f g h i; do
			printf '\0\0\0\0\1\0\0\0%s' $letter
		done
	} >beside/tokenizer.bin
	# Nothing stands for the space in front of the text: it is unknown.
	succeeds "with one" "$KNLP" tokenize -m beside/x.bin abi
	equal "its ids" "$(cat out)" "0 3 4 11"
	succeeds "info of both" "$KNLP" info beside/x.bin
	has "BOS" '^  beginning of text (BOS)  *1  <s>$' out
	has "EOS" '^  end of text (EOS)  *2  </s>$' out
	succeeds "info of both, as JSON" "$KNLP" info --json beside/x.bin
	has "tokens that end a text" '"bos":1,"eos":2,"eot":2,"ends":\[2\]' out
fi

# ---- a model that was trained here ---------------------------------------------------

english >text
"$KNLP" data tokenizer -q --input text --vocab 400 --out tok >out 2>err
"$KNLP" data prepare -q --input text --tokenizer tok --out data --piece-bytes 1000 >out 2>err
succeeds "training" tiny run --set MODEL_FAMILY=llama
succeeds "run to gguf" "$KNLP" convert run run.gguf
has "says what it did" 'run (knlp) to run.gguf (gguf): 21 tensors' err
succeeds "a name in capitals" "$KNLP" convert -q run RUN.GGUF
cmp -s run.gguf RUN.GGUF && ok "is a GGUF file as well" || not_ok "is a GGUF file as well" RUN.GGUF
succeeds "run to a folder" "$KNLP" convert -q run hf
equal "what is in it" "$(cd hf && echo *)" \
	"config.json model.safetensors tokenizer.json tokenizer_config.json"
succeeds "folder to gguf" "$KNLP" convert -q hf hf.gguf
cmp -s run.gguf hf.gguf && ok "the same file" || not_ok "the same file" "run.gguf, hf.gguf"
succeeds "back to knlp" "$KNLP" convert -q run.gguf back --format=knlp --json
has "json" '"from_format":"gguf","to":"back","to_format":"knlp","tensors":21}' out
"$KNLP" generate -q --prompt=The --tokens=20 --seed=1 run >text1 2>err
succeeds "the converted model writes" \
	"$KNLP" generate -q --prompt=The --tokens=20 --seed=1 back
cmp -s out text1 && ok "the same text" || not_ok "the same text" "$(brief out)"

# ---- shards --------------------------------------------------------------------------

succeeds "shards" "$KNLP" convert -q run shards --shard-bytes=40k
equal "their files" "$(cd shards && echo *.json model-*)" "config.json \
model.safetensors.index.json tokenizer.json tokenizer_config.json $(cd shards &&
	n=$(find . -name 'model-*' | wc -l) && seq -f "model-%05g-of-$(printf %05d "$n").safetensors" \
	"$n" | tr '\n' ' ' | sed 's/ $//')"
index=shards/model.safetensors.index.json
equal "each tensor is in the index" \
	"$(sed -n 's/^ *"\(model\..*\|lm_head.*\)": "model-.*/\1/p' $index | sort)" \
	"$("$KNLP" info --tensors hf | sed -n 's/^\(model\.[^ ]*\|lm_head[^ ]*\) .*/\1/p' | sort)"
want=$("$KNLP" info --tensors --json hf | grep -o '"bytes":[0-9]*}' | tr -dc '0-9\n' |
	awk '{ sum += $1 } END { print sum }')
equal "total_size" "$(sed -n 's/.*"total_size": \([0-9]*\).*/\1/p' $index)" "$want"
# What is larger than a file may be is alone in one, and no two files would fit into one.
"$KNLP" info --tensors --json hf | grep -o '"name":"[^"]*","type[^}]*"bytes":[0-9]*}' |
	sed 's/"name":"\([^"]*\)".*"bytes":\([0-9]*\)}/\1 \2/' >sizes
sed -n 's/^ *"\([^"]*\)": "\(model-[^"]*\)".*/\1 \2/p' $index >files
awk 'NR == FNR { bytes[$1] = $2; next }
     $2 != last { bad += last && sum + bytes[$1] <= 40000; files++; sum = held = 0 }
     { last = $2; sum += bytes[$1]; bad += ++held > 1 && sum > 40000 }
     END { exit !(files > 2 && !bad) }' sizes files && ok "their sizes" ||
	not_ok "their sizes" "$(brief files 9)"
succeeds "shards to gguf" "$KNLP" convert -q shards shards.gguf
cmp -s run.gguf shards.gguf && ok "shards hold the same" || not_ok "shards hold the same" differ
succeeds "as large as it is" "$KNLP" convert -q run whole --shard-bytes="$want"
equal "one file" "$(cd whole && echo model*)" model.safetensors
succeeds "a byte less" "$KNLP" convert -q run two --shard-bytes=$((want - 1))
equal "two files" "$(cd two && echo model-*)" \
	"model-00001-of-00002.safetensors model-00002-of-00002.safetensors"
succeeds "a file for each" "$KNLP" convert -q "$models/gpt2" each --shard-bytes=1
equal "as many files as tensors" "$(find each -name 'model-*' | wc -l | tr -d ' ')" \
	"$(grep -c '": "model-' each/model.safetensors.index.json)"
succeeds "each to gguf" "$KNLP" convert -q each each.gguf
succeeds "gpt2 to gguf" "$KNLP" convert -q "$models/gpt2" one.gguf
cmp -s each.gguf one.gguf && ok "transposed in shards" || not_ok "transposed in shards" differ
succeeds "knlp's own is one file" "$KNLP" convert -q run own --format=knlp --shard-bytes=1
equal "model.safetensors" "$(cd own && echo model*)" model.safetensors
rm shards/model-00002-of-*
fails "a shard is missing" 1 'model-00002-of-' "$KNLP" convert shards y.gguf
for bytes in 0 x -1; do
	fails "--shard-bytes=$bytes" 2 'no number such as' \
		"$KNLP" convert "$models/llama" x --shard-bytes=$bytes
done
for type in f16 bf16; do
	succeeds "to $type" "$KNLP" convert -q run $type.gguf --type=$type
	equal "its matrices" "$("$KNLP" info $type.gguf | sed -n "s/^$type  *\([0-9]*\) .*/\1/p")" 16
done

# ---- tokenizers that do not fit --------------------------------------------------------

# As Gemma 3 has it: one special token more than the model has rows.
cp -R hf more
sed 's/"added_tokens": \[/&\n    {"id": 400, "content": "<image>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},/' \
	hf/tokenizer.json >more/tokenizer.json
has "a token more" '"id": 400' more/tokenizer.json
for out in more.gguf more.knlp more.hf; do
	format=hf
	case $out in *.gguf) format=gguf ;; *.knlp) format=knlp ;; esac
	succeeds "a token more into $format" "$KNLP" convert -q more $out --format=$format
	succeeds "$format can be used" "$KNLP" bench decode -q --tokens=2 --context=2 $out
done

# ---- llama2.c's own files, where they are ----------------------------------------------

for dir in "${KNLP_TEST_DATA:-/nowhere}" "$SRCTREE/../shared/data"; do
	stories=$dir/models/stories260K
	[ ! -f "$stories/stories260K.bin" ] || break
done
if [ ! -f "$stories/stories260K.bin" ]; then
	skip "stories260K" "its files are not here"
	exit 0
fi
succeeds "stories260K to gguf" "$KNLP" convert -q "$stories/stories260K.bin" stories.gguf
mkdir stories
succeeds "and back" "$KNLP" convert -q stories.gguf stories/stories.bin
# But for one byte: the score of the first pair, -0, is 0.
equal "its tokenizer.bin" "$(cmp -l stories/tokenizer.bin "$stories/tok512.bin" |
	awk '{ print $2, $3 }')" "0 200"
text='Once upon a time, Lily saw 3 big
  dogs; voilà: 犬.'
equal "the same ids" "$("$KNLP" tokenize -t stories/tokenizer.bin "$text")" \
	"$("$KNLP" tokenize -t "$stories/tok512.bin" "$text")"
"$KNLP" generate -q --temperature 0 -n 40 "$stories/stories260K.bin" >text1
succeeds "the same story" "$KNLP" generate -q --temperature 0 -n 40 stories/stories.bin
cmp -s out text1 && ok "word for word" || not_ok "word for word" "$(brief out)"

# ---- two models of llama2.c in a folder --------------------------------------------------

mkdir pair
succeeds "the first" "$KNLP" convert -q "$stories/stories260K.bin" pair/one.bin
cksum pair/tokenizer.bin >sum
succeeds "the second has the same tokenizer" "$KNLP" convert -q "$stories/stories260K.bin" pair/two.bin
equal "it is as it was" "$(cksum pair/tokenizer.bin)" "$(cat sum)"
echo >>pair/tokenizer.bin
fails "another tokenizer" 1 'tokenizer.bin: exists already, and holds another' \
	"$KNLP" convert -q "$stories/stories260K.bin" pair/three.bin
equal "what is there" "$(cd pair && echo *)" "one.bin tokenizer.bin two.bin"

# ---- what cannot be read again ---------------------------------------------------------

"$KNLP" convert -q "$stories/stories260K.bin" whole.gguf
if command -v python3 >/dev/null; then
	python3 - <<'END'
b = open("whole.gguf", "rb").read()
at = b.index("\u2581the".encode())
open("nul.gguf", "wb").write(b[:at] + "\u2581t\0e".encode() + b[at + 6:])
END
	fails "a NUL in a token" 1 'could not be read again, and is removed: nul.hf/tokenizer.json' \
		"$KNLP" convert -q nul.gguf nul.hf
	[ -e nul.hf ] && not_ok "leaves nothing" "nul.hf" || ok "leaves nothing"
else
	skip "a NUL in a token" "no Python"
fi
