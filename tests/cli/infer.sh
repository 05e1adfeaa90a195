# SPDX-License-Identifier: MIT
# shellcheck shell=sh source=tests/lib.sh
#
# Models of other programs, and what generate and bench do with any model.

. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs train generate 'data prepare' 'bench decode'
prepare_text
tiny base >out 2>err || { not_ok "train" "$(brief err)"; exit 0; }

# number KEY FILE: the value of a key in a line of JSON
number() { tail -n 1 "$2" | sed -n "s/.*\"$1\": *\\([-0-9.e+]*\\).*/\\1/p"; }
# holds NAME EXPRESSION: what awk says of numbers
holds()
{
	if awk "BEGIN { exit !($2) }"; then ok "$1"; else not_ok "$1" "$2"; fi
}

# ---- sampling -----------------------------------------------------------------------

write() { "$KNLP" generate -n 30 "$@" base 2>err; }
equal "top-p of nearly nothing is greedy" "$(write --top-p 0.0001)" "$(write --temperature 0)"
equal "min-p of 1 is greedy" "$(write --min-p 1)" "$(write --temperature 0)"
equal "top-p of 1 is all" "$(write --top-p 1)" "$(write)"
if [ "$(write --temperature 0 --repeat-penalty 2)" = "$(write --temperature 0)" ]; then
	not_ok "a penalty" "changes nothing"
else
	ok "a penalty"
fi
equal "a penalty of no tokens" "$(write --repeat-penalty 2 --repeat-last 0)" "$(write)"
equal "greedy with rounded keys" "$(write --temperature 0 --kv f16)" "$(write --temperature 0)"
for command in generate 'bench decode' 'bench prefill'; do
	# shellcheck disable=SC2086 # words
	fails "$command: a type of the cache" 2 "--kv 'q8': there are f32, f16 and bf16" \
		"$KNLP" $command --kv q8 base
	# shellcheck disable=SC2086
	fails "$command: a type of activations" 2 "--act 'f16': there are f32 and q8" \
		"$KNLP" $command --act f16 base
done
fails "a share of nothing" 2 "'--top-p': 0 is not in" "$KNLP" generate --top-p 0 base

equal "a context that is long enough" "$(write --context 31 --prompt x)" "$(write --prompt x)"
# Address space for the program, and not for 819 MB of keys and values.
mkdir long
cp "$SRCTREE/tests/data/eval/model.safetensors" "$(newest base)/tokenizer.json" long
sed 's/^CONFIG_MODEL_CONTEXT=.*/CONFIG_MODEL_CONTEXT=200000/' "$SRCTREE/tests/data/eval/config" \
	>long/config
little()
{
	# shellcheck disable=SC3045	# dash and bash have it; if not, there is an `if` below
	(ulimit -v 700000 && exec "$KNLP" bench decode -q -t 1 --tokens 1 --context 99999 \
		--warmup 0 "$@" long)
}
# shellcheck disable=SC3045
if (ulimit -v 700000 && "$KNLP" version) >out 2>err; then
	fails "keys and values that do not fit" 1 \
		'long: no memory for keys .* 100000 tokens (128 B .*a shorter --context' little --batch 64
else
	skip "keys and values that do not fit" "this build takes more address space"
fi
fails "a longer context" 1 "--context 100: the model's is 32" "$KNLP" generate --context 100 base

# ---- prompts ------------------------------------------------------------------------

# 26 letters, or two tokens: the first do not fit.
"$KNLP" generate -n 5 --context 16 -p '<|endoftext|><|endoftext|>' base >out 2>err
has "letters otherwise" 'has 26 tokens, the context is 16' err
"$KNLP" generate -n 5 --context 16 --parse-special -p '<|endoftext|><|endoftext|>' base >out 2>err
equal "two tokens" "$(grep -c 'the context is 16' err)" 0
for option in '' --parse-special; do
	# shellcheck disable=SC2086
	printf '<|endoftext|><|endoftext|>\n' |
		"$KNLP" generate -i -n 2 --context 16 $option base >out 2>err
	equal "a line of 26 letters or two tokens $option" "$(grep -c 'the context is full' err)" \
		$((${#option} == 0))
done

printf 'The ke\n' >prompt
equal "a prompt in a file" "$(write -f prompt)" "$(write -p 'The ke')"
equal "on standard input" "$(echo 'The ke' | write --file=-)" "$(write -p 'The ke')"
printf 'The ke\n\n' >prompt
equal "one line end is left out" "$(write -f prompt)" "$(write -p 'The ke
')"
equal "a line in a file" "$(printf '' | write -i -f prompt)" "$(printf '' | write -i -p 'The ke
')"
: >prompt
equal "an empty file is no prompt" "$(write -f prompt)" "$(write)"
printf 'a\0b' >prompt
fails "a NUL byte" 1 'prompt: a NUL byte' "$KNLP" generate -f prompt base
printf '\3757zXZ\0' >prompt
fails "a packed prompt" 1 'prompt: compressed (xz)' "$KNLP" generate -f prompt base
fails "no such file" 1 'nothere' "$KNLP" generate -f nothere base
fails "two prompts" 2 '--prompt and --file exclude' "$KNLP" generate -p x -f prompt base
fails "lines and a prompt" 2 '--chat reads lines from' "$KNLP" generate --chat -f - base
(echo 'The ke'; sleep 1) | "$KNLP" generate -n 1 base >out 2>err
has "a pipe that is not read" 'standard input is not read: --file=-' err

# ---- chat ---------------------------------------------------------------------------

fails "no chat template" 1 'has no chat template: name one' "$KNLP" generate --chat base
fails "an unknown one" 1 "no chat template is called 'nope': knlp knows " "$KNLP" generate --chat --chat-template nope base
fails "chat as JSON" 2 '--chat and --json' "$KNLP" generate --chat --json base
fails "--system alone" 2 '--system is for --chat' "$KNLP" generate --system x base
chat() { "$KNLP" generate --chat --chat-template vicuna -n 4 --temperature 0 "$@" base 2>err; }
# A byte tokenizer has no marks: the conversation is the plain text that the template writes.
one=$(printf 'hi\n' | chat)
equal "a chat is its template's text" "$one" "$("$KNLP" generate -n 4 --temperature 0 \
	--prompt 'USER: hi
ASSISTANT:' base | tail -c +20)"
equal "a second turn sees the first" "$(printf 'hi\nwhat\n' | chat | tail -n +2)" \
	"$(text="USER: hi
ASSISTANT:$one</s>
USER: what
ASSISTANT:"; "$KNLP" generate -n 4 --temperature 0 --prompt "$text" base |
	tail -c +$((${#text} + 1)))"
equal "a system's message" "$(printf 'hi\n' | chat --system 'be brief')" \
	"$("$KNLP" generate -n 4 --temperature 0 --prompt 'be brief

USER: hi
ASSISTANT:' base | tail -c +30)"

printf 'one\ntwo\nthree\nfour\n' | chat --system 'be brief' >out
equal "a conversation longer than the context" $? 0
has "forgets its beginning" 'the model has forgotten [0-9]* tokens of the beginning' err

# Nothing but its length ends the answer of this model.
printf 'hi\n' | "$KNLP" generate --chat --chat-template vicuna --temperature 0 base >out 2>err
has "an answer ends with the context" 'the answer is cut after 32 tokens' err
printf 'hi\n' | chat >out
has "or where it is told to" 'cut after 4 tokens (--tokens): an empty line' err

# ---- lengths ------------------------------------------------------------------------

fails "less than none" 2 "'--tokens': -2 is not in -1\.\." "$KNLP" generate -n -2 base
equal "100 tokens are usual" "$("$KNLP" generate --temperature 0 base 2>err)" \
	"$(write --temperature 0 -n 100)"
# The end of a document is one of 257 tokens, all alike when it is hot enough.
succeeds "any number of tokens" "$KNLP" generate -n -1 --temperature 100 base
has "until the document ends" 'the model ended the document after [0-9]* tokens' err
write --prompt "a text of more than thirty-two letters" >out
has "a prompt that is too long" 'has 38 tokens, the context is 32: .* see the first 6$' err
write --context 16 --prompt "a text of letters" >out
has "by --context" 'has 17 tokens, the context is 16: .* see the first 1$' err
write --prompt "a text that fits" >out
equal "one that fits" "$(grep -c 'see the first' err)" 0

# ---- speed --------------------------------------------------------------------------

small='--tokens=5 --context=8 --threads=1 -q'
# shellcheck disable=SC2086 # words
succeeds "decode, as text" "$KNLP" bench decode $small base
has "speed" '^speed  *[0-9.]*[kM]* tok/s' out
# So small a model is read from the caches: no share of the memory's bandwidth means anything.
has "traffic" "^traffic .* which the processor's caches hold: no share" out
# shellcheck disable=SC2086
succeeds "decode by kernel" "$KNLP" bench decode $small --ops --json base
has "kernels" '"kernel":"cache_append_plain"' out
# shellcheck disable=SC2086
succeeds "decode, as JSON" "$KNLP" bench decode $small --batch=3 --kv=f16 --json base
cp out json
for key in ms tokens_per_s gb_s read_gb_s rss_mib load_ms first_token_ms; do
	holds "$key is positive" "$(number $key json)0 > 0"
done
equal "no share of the bandwidth" "$(field share_of_bandwidth json) $(field in_caches json)" \
	"null true"
# 2 layers of 32 in f16, 3 sequences of about 8 + 3 tokens, keys and values.
equal "bytes of keys and values" "$(number cache_bytes json)" $((3 * 11 * 2 * 2 * 32 * 2))
holds "a step of three gives three" "($(number tokens_per_s json) * $(number ms json) / 3000 - 1)^2 < 1e-9"
fails "longer than the context" 1 "the model's context is" "$KNLP" bench decode --tokens=100 base
succeeds "prefill, as text" "$KNLP" bench prefill -q --tokens=20 --repeat=2 base
has "work" '^work .* GFLOP/s' out
succeeds "prefill, as JSON" "$KNLP" bench prefill -q --tokens=20 --repeat=3 --json base
for key in ms tokens_per_s gflops peak_gflops share_of_peak; do
	holds "$key of prefill is positive" "$(number $key out)0 > 0"
done
succeeds "prefill by kernel" "$KNLP" bench prefill -q --tokens=20 --repeat=1 --ops base
has "the table" '^KERNEL.*% STEP' out
succeeds "prefill again" "$KNLP" bench prefill -q --tokens=20 --repeat=3 --json base
holds "twenty tokens" "($(number tokens_per_s out) * $(number ms out) / 20000 - 1)^2 < 1e-9"

# What else runs here is not for a test to say: the load that is printed decides.
busy() { awk "BEGIN { print ($1 > $(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN) + 0.5) }"; }
for command in "decode --context=4" "prefill --repeat=1"; do
	# shellcheck disable=SC2086 # words
	"$KNLP" bench $command -q --tokens=4 --json base >out 2>err
	equal "${command%% *} warns of other programs" \
		"$(grep -c 'other programs use this machine' err)" "$(busy "$(number load out)")"
done

# ---- models of other programs --------------------------------------------------------

formats=$SRCTREE/tests/data/formats
if ! "$KNLP" | grep -q '^  info  '; then
	skip "models of other programs" "built without CONFIG_FORMATS"
	exit 0
fi
for name in gpt2 llama llama3 qwen2 qwen3 gemma3; do
	succeeds "$name as GGUF" "$KNLP" bench prefill -q --tokens=4 --repeat=1 --warmup=0 --json \
		"$formats/$name.gguf"
	succeeds "$name as a folder" "$KNLP" bench decode -q --tokens=2 --context=2 --json \
		"$formats/$name"
done
fails "without a tokenizer" 1 'has no tokenizer' "$KNLP" generate "$formats/llama.gguf"
fails "no model at all" 1 "err: no model that knlp reads" "$KNLP" generate err

# ---- a trained model, where its files are --------------------------------------------

for dir in "${KNLP_TEST_DATA:-/nowhere}" "$SRCTREE/../shared/data"; do
	[ ! -f "$dir/models/stories260K/stories260K.bin" ] || break
done
stories=$dir/models/stories260K
if [ ! -f "$stories/stories260K.bin" ]; then
	skip "stories260K" "its files are not here"
	exit 0
fi
# The text in its README, which llama2.c wrote in 256 steps.
want=$(awk '/stories260K.bin.* -t 0.0$/ { on = 1; next } on && /^```/ { exit } on' \
	"$stories/stories260K.md")
for file in stories260K.bin stories260K_v1.bin; do
	equal "$file writes what llama2.c writes" \
		"$("$KNLP" generate -q --temperature 0 -n 256 "$stories/$file")" "$want"
done
equal "with small keys and values, too" \
	"$("$KNLP" generate -q --temperature 0 -n 256 --kv bf16 "$stories/stories260K.bin" |
		head -c 150)" "$(echo "$want" | head -c 150)"
# Documents of the file end with <|endoftext|>: 300 stories, each behind BOS.
text=$dir/text/tinystories_2M.txt
if [ ! -f "$text" ] || ! "$KNLP" eval ppl -h >out 2>&1; then
	skip "loss of stories260K" "no $text, or built without eval"
	exit 0
fi
succeeds "perplexity of stories" "$KNLP" eval ppl -q --json --protocol document --limit 300 \
	--file "$text" "$stories/stories260K.bin"
holds "loss of 300 stories is 1.509" "$(number loss out) - 1.509 < 5e-4 && \
	1.509 - $(number loss out) < 5e-4"
