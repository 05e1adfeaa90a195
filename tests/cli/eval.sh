# SPDX-License-Identifier: MIT
# knlp eval ...: what it prints, what it refuses, and that nothing is left behind.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"

needs 'eval ppl' 'eval compare' 'eval logits' tokenize
if ! "$KNLP" version | grep -q '^features:.* TOKENIZER_BPE'; then
	skip eval "built without CONFIG_TOKENIZER_BPE"
	exit 0
fi

data=$SRCTREE/tests/data
mkdir model other nan
for dir in model other nan; do
	cp "$data/eval/config" "$data/eval/model.safetensors" $dir
	cp "$data/tokenizer/small.json" $dir/tokenizer.json
done
# Another model: the last weight is 1 instead.
head -c -4 "$data/eval/model.safetensors" >other/model.safetensors
printf '\0\0\200\77' >>other/model.safetensors
# And one that is broken: the last weight is no number.
head -c -4 "$data/eval/model.safetensors" >nan/model.safetensors
printf '\0\0\300\177' >>nan/model.safetensors
corpus=$data/tokenizer/corpus.txt

# ---- perplexity ------------------------------------------------------------------------

succeeds ppl "$KNLP" eval ppl -q --file "$corpus" --context 64 model
has "all chunks" '^chunks  *60$' out
has "loss with error" '^loss  *[0-9.]* +/- 0\.[0-9]*$' out
has "error by tokens" '^ppl by tokens ' out
succeeds "limit" "$KNLP" eval ppl -q --file "$corpus" --context 64 --limit 4 --json \
	--dump a.jsonl model
equal "partial in JSON" "$(field partial out)" true
equal "items of all" "$(field items out) $(field items_all out)" "4 60"
equal "lines of the dump" "$(wc -l <a.jsonl | tr -d ' ')" 5
succeeds "threads" "$KNLP" eval ppl -q -t 3 --file "$corpus" --context 64 --limit 4 \
	--dump a3.jsonl model
equal "threads change nothing" "$(cksum <a3.jsonl)" "$(cksum <a.jsonl)"
succeeds "vs" "$KNLP" eval ppl -q --file "$corpus" --context 64 --vs other --json model
has "paired difference" '"comparison":{"items":60,.*"difference_error"' out
succeeds "documents" "$KNLP" eval ppl -q --file "$data/eval/text.txt" --protocol document model
has "seven documents" '^documents  *7$' out
succeeds "sliding" "$KNLP" eval ppl -q --file "$corpus" --protocol=sliding --context 80 \
	--stride 24 --limit 2 model
has "sliding is partial" '^windows  *2 of 158 (partial)$' out

fails "no file" 2 'file is missing' "$KNLP" eval ppl model
fails "no model" 2 'MODEL is missing' "$KNLP" eval ppl --file "$corpus"
fails "a wrong protocol" 2 'there are llama, sliding and document' \
	"$KNLP" eval ppl --file "$corpus" --protocol x model
fails "a stride without windows" 2 'stride belongs to' \
	"$KNLP" eval ppl --file "$corpus" --stride 4 model
fails "a wrong kind of activations" 2 'there are f32 and q8' \
	"$KNLP" eval ppl --file "$corpus" --act q4 model
fails "a long context" 1 'context of 97: that of model is 96' \
	"$KNLP" eval ppl --file "$corpus" --context 97 model
fails "a stride over the context" 1 'leaves tokens out' \
	"$KNLP" eval ppl --file "$corpus" --protocol sliding --context 20 --stride 21 model
fails "no such model" 1 'nothere' "$KNLP" eval ppl --file "$corpus" nothere
fails "no such second model" 1 'vs nothere: no such model' \
	"$KNLP" eval ppl --file "$corpus" --vs nothere model
fails "no such file" 1 'nothere' "$KNLP" eval ppl --file nothere model
cp "$corpus" mine
fails "a dump over the text" 1 'dump mine: exists already' \
	"$KNLP" eval ppl --file mine --context 64 --limit 1 --dump mine model
cmp -s mine "$corpus" && ok "the text is as it was" || not_ok "the text is as it was" "changed"
mkfifo pipe
cat pipe >piped &
succeeds "a dump into a pipe" "$KNLP" eval ppl -q --file mine --context 64 --limit 4 --dump pipe model
wait $!
equal "is the same dump" "$(tail -n 4 piped)" "$(tail -n 4 a.jsonl)"
fails "no place for the dump" 1 'no/x: no: ' "$KNLP" eval ppl --file "$corpus" --dump no/x model
: >empty
fails "an empty file" 1 'empty: the file is empty' "$KNLP" eval ppl --file empty model
echo hi >short
fails "a short file" 1 'fewer than two chunks' "$KNLP" eval ppl --file short model
printf '\n \n' >blank
fails "nothing but blanks" 1 'nothing but blanks' \
	"$KNLP" eval ppl --file blank --protocol document model
{ head -c 3000 "$corpus"; printf '\377\300\0\n'; head -c 3000 "$corpus"; } >binary
succeeds "bytes that are no text" "$KNLP" eval ppl -q --file binary --context 64 model

fails "a model without numbers" 1 "^knlp: error: nan: $corpus: chunk [0-9]*: ln p of token" \
	"$KNLP" eval ppl --file "$corpus" --context 64 nan
fails "a context that is too short" 1 'model: a context of 3 tokens is too short' \
	"$KNLP" eval ppl --file "$corpus" --context 3 model

# ---- two models ------------------------------------------------------------------------

cp -R model shorter
sed 's/CONFIG_MODEL_CONTEXT=96/CONFIG_MODEL_CONTEXT=64/' model/config >shorter/config
# losses FILE: those of A and B
losses() { awk '$1 == "loss" && NF > 4 { print $2, $3 }' "$1"; }
for protocol in llama document; do
	succeeds "$protocol: another context" "$KNLP" eval ppl -q --file "$data/eval/text.txt" \
		--protocol $protocol --vs shorter model
	cp out first
	"$KNLP" eval ppl -q --file "$data/eval/text.txt" --protocol $protocol --context 64 \
		--vs shorter model >out 2>err
	equal "$protocol: is what both take" "$(cat first)" "$(cat out)"
	"$KNLP" eval ppl -q --file "$data/eval/text.txt" --protocol $protocol --vs model shorter \
		>out 2>err
	equal "$protocol: whichever comes first" "$(losses out | awk '{ print $2, $1 }')" \
		"$(losses first)"
done
cp -R model byte
sed 's/CONFIG_MODEL_CONTEXT=96/CONFIG_MODEL_CONTEXT=64/' model/config >byte/config
"$KNLP" data tokenizer -q --input "$corpus" --vocab 400 --out byte.tok >out 2>err
cp byte.tok/tokenizer.json byte
fails "another tokenizer" 1 'model and --vs byte: the tokenizers make other tokens .*=document$' \
	"$KNLP" eval ppl --file "$corpus" --vs byte model
succeeds "by document" "$KNLP" eval ppl -q --file "$data/eval/text.txt" --protocol document \
	--vs byte --json model
has "nats per byte" '"comparison":{.*"nats_per_byte"' out

if command -v python3 >/dev/null; then
	cat "$corpus" "$corpus" "$corpus" "$corpus" >four
	cat four four four four >long
	succeeds "the perplexity so far" python3 - "$KNLP" <<'END'
import os, pty, re, sys
pid, fd = pty.fork()
if not pid:
    os.execv(sys.argv[1], [sys.argv[1], "eval", "ppl", "--file", "long", "--context", "16",
                           "model"])
seen = b""
try:
    while more := os.read(fd, 1 << 16):
        seen += more
except OSError:
    pass
sofar = re.findall(rb"%  \d+/\d+  ppl (\d+)", seen)
whole = float(re.search(rb"ppl  +([\d.]+)", seen)[1])
assert sofar and abs(float(sofar[-1]) / whole - 1) < 0.3, seen
END
	rm four long
else
	skip "the perplexity so far" "no Python"
fi

# ---- packed files -----------------------------------------------------------------------

if command -v bzip2 >/dev/null && "$KNLP" version | grep -q "^features:.* BZIP2"; then
	bzip2 -k -c "$data/eval/hellaswag.txt" >h.bz2
	succeeds "bzip2" "$KNLP" eval hellaswag -q --file h.bz2 --dump packed.jsonl model
	succeeds "not packed" "$KNLP" eval hellaswag -q --file "$data/eval/hellaswag.txt" \
		--dump plain.jsonl model
	equal "the same hash" "$(sed 's/"data":"[^"]*"//' packed.jsonl | cksum)" \
		"$(sed 's/"data":"[^"]*"//' plain.jsonl | cksum)"
	head -c 300 h.bz2 >cut.bz2
	fails "a cut bzip2 file" 1 'end too early' "$KNLP" eval hellaswag --file cut.bz2 model
	{ head -c 200 h.bz2; printf 'damaged'; tail -c +208 h.bz2; } >damaged.bz2
	fails "a damaged bzip2 file" 1 'damaged' "$KNLP" eval hellaswag --file damaged.bz2 model
else
	skip bzip2 "no bzip2 here, or built without CONFIG_BZIP2"
fi

# ---- what is no text ---------------------------------------------------------------------

printf '\3757zXZ\0 and so on' >packed.xz
fails "xz" 1 'packed.xz: compressed (xz): unpack it first' \
	"$KNLP" eval ppl --file packed.xz --context 8 model
fails "a model as a text" 1 'small.gguf: a model (GGUF), not a text' \
	"$KNLP" eval ppl --file "$data/gguf/small.gguf" --context 8 model
head -c 20000 model/model.safetensors >noise
succeeds "noise" "$KNLP" eval ppl --file noise --context 64 --limit 2 model
has "noise is said" 'warning: .*noise: [0-9]* % of its bytes are no UTF-8 text' err
"$KNLP" eval ppl -q --file - --context 64 --limit 2 --json model <"$corpus" >out 2>err
"$KNLP" eval ppl -q --file "$corpus" --context 64 --limit 2 --json model >plain 2>err
equal "standard input is the same text" "$(field ppl out)" "$(field ppl plain)"
has "there is a number" '"ppl":[0-9]' out
"$KNLP" eval hellaswag -q --file - --json model <"$data/eval/hellaswag.txt" >out 2>err
equal "questions from standard input" "$(field items out)" 24

# ---- questions --------------------------------------------------------------------------

sed 's/"Question: /"/' "$data/eval/piqa.jsonl" >openbookqa.jsonl
cp "$data/eval/piqa.jsonl" piqa.jsonl
cp "$data/eval/piqa.jsonl" arc.jsonl
for task in arc openbookqa piqa; do
	succeeds "$task" "$KNLP" eval $task -q --file $task.jsonl model
	has "$task acc" '^acc  *0\.[0-9]* +/- 0\.[0-9]*$' out
	has "$task acc_norm" '^acc_norm  *0\.' out
done
succeeds winogrande "$KNLP" eval winogrande -q --file "$data/eval/winogrande.jsonl" --json model
has "winogrande acc" '"acc":0\.' out
succeeds lambada "$KNLP" eval lambada -q --file "$data/eval/lambada.jsonl" model
has "perplexity of words" '^ppl  ' out
for word in xqzjvkwxqzjv zzqqxxjjvvkkww; do
	echo "{\"context\":\"a\",\"continuation\":\" $word\"}"
done >words.jsonl
succeeds "words that nobody expects" "$KNLP" eval lambada -q --file words.jsonl model
has "a perplexity of any size" '^ppl  *[0-9.]*e+[0-9]* +/- [0-9.]*e+[0-9]*$' out
succeeds "hellaswag, two models" "$KNLP" eval hellaswag -q --limit 20 --vs other \
	--file "$data/eval/hellaswag.txt" model
has "partial" '^items  *20 of 24 (partial)$' out
has "discordant items" '^acc_norm_token .*[0-9]:[0-9].* p=' out
echo '{"query":"q","choices":["a","b"],"gold":0}' >good.jsonl
fails "arc with data of piqa" 1 'another task? No question is like those of arc: 3 to 5 choices' \
	"$KNLP" eval arc --file good.jsonl model
fails "openbookqa with those of arc" 1 "of openbookqa: 4 choices, no 'Question: ' in front" \
	"$KNLP" eval openbookqa --file arc.jsonl model
echo '{"query":"q","choices":["a","b","c"],"gold":0}' >three.jsonl
fails "piqa with those of others" 1 'No question is like those of piqa: 2 choices' \
	"$KNLP" eval piqa --file three.jsonl model
cat good.jsonl three.jsonl >both.jsonl
succeeds "questions of both kinds" "$KNLP" eval piqa --file both.jsonl model
has "some are said" 'both.jsonl: 1 of 2 questions are not like those of piqa' err
{ cat good.jsonl; echo '{"query":'; } >bad.jsonl
fails "broken JSON" 1 'bad.jsonl:2' "$KNLP" eval piqa --file bad.jsonl model
fails "broken JSON behind the limit" 1 'bad.jsonl:2' \
	"$KNLP" eval piqa --limit 1 --file bad.jsonl model
awk 'BEGIN { for (i = 0; i < 100; i++) printf "["; print "" }' >deep.jsonl
fails "a bomb" 1 'nested too deeply' "$KNLP" eval piqa --file deep.jsonl model
awk 'BEGIN { printf "{\"query\":\"q\",\"gold\":0,\"choices\":[\"a\",\""
	for (i = 0; i < 2000; i++) printf "x "; print "\"]}" }' >long.jsonl
fails "an answer that is too long" 1 "long.jsonl:1: .*longer than the model's context" \
	"$KNLP" eval piqa --file long.jsonl model

fails "an item without numbers" 1 "^knlp: error: nan: .*/piqa.jsonl:[0-9]*: ln p of token" \
	"$KNLP" eval piqa --file "$data/eval/piqa.jsonl" nan
if command -v python3 >/dev/null; then
	python3 - "$KNLP" "$data/eval/piqa.jsonl" <<'END' >out
import os, pty, sys
pid, fd = pty.fork()
if not pid:
    os.execv(sys.argv[1], [sys.argv[1], "eval", "piqa", "--limit", "5", "--file", sys.argv[2],
                           "model"])
try:
    while part := os.read(fd, 1 << 16):
        sys.stdout.write(part.decode())
except OSError:
    pass
os.waitpid(pid, 0)
END
	has "the progress line counts items" 'piqa .*0/5' out
else
	skip "the progress line counts items" "no Python"
fi

# ---- logits ----------------------------------------------------------------------------

head -c 4000 "$corpus" >some.txt
"$KNLP" tokenize --model model --file some.txt | cut -d ' ' -f 1-64 >ids
succeeds logits "$KNLP" eval logits -q --tokens ids --out l.npy model
equal "the header of NumPy" "$(head -c 127 l.npy | LC_ALL=C tr '\223\000\001' '%01')" \
	"$(printf '%-127s' "%NUMPY10v0{'descr': '<f4', 'fortran_order': False, 'shape': (64, 500), }")"
equal "its size" "$(wc -c <l.npy | tr -d ' ')" $((128 + 64 * 500 * 4))
# The loss of the document of these tokens is that of its logits, in awk's fp64.
"$KNLP" tokenize --model model --decode --file ids >document
succeeds "their loss" "$KNLP" eval ppl -q --protocol sliding --context 64 --limit 1 --json \
	--file document model
want=$(field loss out)
tail -c +129 l.npy | od -An -v -tf4 -w2000 | awk -v want="$want" '
	NR == FNR { for (i = 1; i <= NF; i++) id[i] = $i; next }
	FNR < 64 {
		sum = 0
		for (v = 1; v <= 500; v++) sum += exp($v)
		loss += log(sum) - $(id[FNR + 1] + 1)
	}
	END { d = loss / 63 - want; exit !(FNR == 64 && want > 0 && d * d < 1e-10) }' ids - &&
	ok "its loss" || not_ok "its loss" "not $want"
printf '[3, 4,\n5]\n' >ids.json
succeeds "a list" "$KNLP" eval logits -q -t 1 --tokens ids.json --out a.npy model
succeeds "threads" "$KNLP" eval logits -q -t 3 --tokens ids.json --out b.npy model
equal "threads change no logit" "$(cksum <a.npy)" "$(cksum <b.npy)"
equal "before and after" "$(wc -c <a.npy | tr -d ' ')" $((128 + 3 * 500 * 4))
rm a.npy b.npy
echo 3 500 >ids
fails "a token that is not there" 1 'model: token 500: the model has 500' \
	"$KNLP" eval logits --tokens ids --out a.npy model
seq 97 >ids
fails "too many tokens" 1 "97 tokens: the model's context is 96" \
	"$KNLP" eval logits --tokens ids --out a.npy model
echo three >ids
fails "no id" 1 "ids: 'three" "$KNLP" eval logits --tokens ids --out a.npy model
: >ids
fails "no tokens" 1 'no tokens to read' "$KNLP" eval logits --tokens ids --out a.npy model
fails "no place for logits" 1 'no/a.npy' "$KNLP" eval logits --tokens ids.json --out no/a.npy model
fails "no tokens named" 2 'tokens is missing' "$KNLP" eval logits --out a.npy model
[ ! -e a.npy ] && ok "nothing written" || not_ok "nothing written" "a.npy is there"

# ---- divergence -------------------------------------------------------------------------

succeeds kld "$KNLP" eval kld -q --base other --file "$corpus" --context 64 --limit 3 model
has "chunks of kld" '^chunks  *3 of 60 (partial)$' out
has "mean divergence" '^mean KLD  *0\.0' out
succeeds "kld of one and the same" "$KNLP" eval kld -q --base model --file "$corpus" --context 64 \
	--limit 3 --json --dump kld.jsonl model
has "same top everywhere" '"same_top":1,' out
has "dump of kld" '"kld":' kld.jsonl
succeeds "parity" "$KNLP" eval kld -q --parity --base other --file "$corpus" --context 64 \
	--limit 3 model
fails "kld without numbers" 1 "^knlp: error: nan from model: chunk 0: the divergence at" \
	"$KNLP" eval kld --base model --file "$corpus" --context 64 nan
fails "no base" 2 'base is missing' "$KNLP" eval kld --file "$corpus" model
mkdir small
sed 's/500/499/' model/config >small/config
cp model/tokenizer.json small
cp model/model.safetensors small
fails "another vocabulary" 1 . "$KNLP" eval kld --base small --file "$corpus" --context 64 model

# ---- comparisons ------------------------------------------------------------------------

succeeds "dump of another" "$KNLP" eval ppl -q --file "$corpus" --context 64 --dump b.jsonl other
succeeds compare "$KNLP" eval compare a.jsonl b.jsonl
has "over what both have" '^items  *4 (partial)$' out
has "an interval" '^loss .*\[[-+0-9.]*, [-+0-9.]*\]$' out
cp out first
succeeds "compare again" "$KNLP" eval compare -t 2 a.jsonl b.jsonl
equal "the same draws" "$(cat out)" "$(cat first)"
succeeds "another seed" "$KNLP" eval compare --seed 2 --json a.jsonl b.jsonl
equal "seed in JSON" "$(field seed out)" 2
succeeds "dump of questions" "$KNLP" eval hellaswag -q --file "$data/eval/hellaswag.txt" \
	--dump q.jsonl model
fails "other evaluations" 1 'a.jsonl and q.jsonl: one is of ppl, the other of hellaswag' \
	"$KNLP" eval compare a.jsonl q.jsonl
succeeds "another context" "$KNLP" eval ppl -q --file "$corpus" --context 32 --dump c.jsonl model
fails "other protocols" 1 'the protocols differ' "$KNLP" eval compare a.jsonl c.jsonl
head -n 3 a.jsonl >cut.jsonl
fails "a cut dump" 1 'cut.jsonl:1: 4 items are announced' "$KNLP" eval compare cut.jsonl a.jsonl
fails "one dump" 2 "eval compare: B is missing" "$KNLP" eval compare a.jsonl
fails "no dump" 1 'text.txt:1' "$KNLP" eval compare "$data/eval/text.txt" a.jsonl
no_remains "nothing temporary" .
