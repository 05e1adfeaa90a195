# SPDX-License-Identifier: MIT
# Models that go from format to format and are trained on the way: their tokenizers, chat
# templates, and what begins and ends a text.
. "$SRCTREE/tests/lib.sh"
. "$SRCTREE/tests/train-lib.sh"
needs convert info train 'data tokenizer' generate

english >text

# ---- a chat model: what begins and ends a text, and its template ------------------------

"$KNLP" data tokenizer -q --input text --vocab 300 --special '<|im_start|>' \
	--special '<|im_end|>' --out chat-tok >out 2>err
"$KNLP" data prepare -q --input text --tokenizer chat-tok --out chat-data --piece-bytes 1000 \
	>out 2>err
chat_train()
{
	"$KNLP" train -q --data chat-data --config tiny.config --set MODEL_FAMILY=llama "$@"
}

# ends FILE: ids of BOS and EOS, and whether there is a template
ends()
{
	"$KNLP" info "$1" | sed -n 's/^  tokenizer.ggml.\([be]os\)_token_id  *\([0-9]*\)$/\1 \2/p
		s/^  tokenizer.chat_template .*/template/p' | tr '\n' ' '
}

chat_train --run chat-run >out 2>err
"$KNLP" convert -q chat-run chat-hf
cat >chat-hf/tokenizer_config.json <<'END'
{"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "chat_template":
 "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"}
END
"$KNLP" convert -q chat-hf chat.gguf
want=$(ends chat.gguf)
equal "a chat model in GGUF" "$want" "bos 1 eos 2 template "
succeeds "a chat model to knlp" "$KNLP" convert -q chat-hf chat --format=knlp
succeeds "it chats" "$KNLP" generate -q --chat --prompt=Hello --tokens=5 chat
"$KNLP" convert -q chat chat2.gguf
equal "and goes on to GGUF" "$(ends chat2.gguf)" "$want"
succeeds "it is trained" chat_train --run chat-more --init chat
"$KNLP" convert -q chat-more more.gguf
equal "a trained chat model in GGUF" "$(ends more.gguf)" "$want"
rm -rf "$(newest chat-more)"
succeeds "resumed" "$KNLP" train -q --run chat-more --resume
"$KNLP" convert -q chat-more again.gguf
cmp -s more.gguf again.gguf && ok "the same model" || not_ok "the same model" "again.gguf"
succeeds "from a folder of Hugging Face" chat_train --run chat-hf-more --init chat-hf
"$KNLP" convert -q chat-hf-more more2.gguf
cmp -s more.gguf more2.gguf && ok "the same there" || not_ok "the same there" "more2.gguf"

# ---- one tokenizer, two formats ---------------------------------------------------------

# A flag of a token that GGUF files have no place for makes another hash.
sed '/<|im_end|>/s/"lstrip": false/"lstrip": true/' chat-hf/tokenizer.json >flagged.json
"$KNLP" data prepare -q --input text --tokenizer flagged.json --out flagged --piece-bytes 1000 \
	>out 2>err
equal "two hashes" "$(sed -n 's/^  hash: //p' chat-data/manifest.yaml flagged/manifest.yaml |
	sort -u | wc -l | tr -d ' ')" 2
succeeds "loss of a GGUF on data of a tokenizer.json" \
	"$KNLP" eval loss -q --data flagged chat.gguf
succeeds "training of a GGUF on them" \
	"$KNLP" train -q --data flagged --config tiny.config --set MODEL_FAMILY=llama \
	--run flagged-run --init chat.gguf
"$KNLP" data prepare -q --input text --tokenizer byte --out bytes --piece-bytes 1000 >out 2>err
fails "another vocabulary" 1 "bytes: tokenized with .* was trained with" \
	"$KNLP" eval loss -q --data bytes chat.gguf
