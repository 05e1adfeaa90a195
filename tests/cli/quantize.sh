# SPDX-License-Identifier: MIT
# knlp quantize: types of tensors, refusals, files that can be read again.  The bytes of
# blocks are compared in tests/unit/test-quant.c.
. "$SRCTREE/tests/lib.sh"
needs quantize convert info

models=$SRCTREE/tests/data/formats
"$KNLP" convert -q "$models/llama" llama.gguf --type=f32 || exit 1

# ---- what is written ---------------------------------------------------------------

succeeds "q8_0" "$KNLP" quantize llama.gguf q8.gguf --mix=q8_0
has "says sizes" 'q8.gguf: q8_0, [0-9]* bytes of tensors' err
succeeds "it is a model" "$KNLP" info --tensors q8.gguf
succeeds "one thread" "$KNLP" quantize llama.gguf one.gguf --mix=q8_0 --threads=1
succeeds "three threads" "$KNLP" quantize llama.gguf three.gguf --mix=q8_0 --threads=3
succeeds "same bytes" cmp one.gguf three.gguf
succeeds "dry run" "$KNLP" quantize llama.gguf --dry-run --mix=q8_0 --json
bytes=$(sed 's/.*"bytes":\([0-9]*\),"bits.*/\1/' out)
succeeds "its size" "$KNLP" quantize q8.gguf --dry-run --mix=q8_0 --json
has "is the file's" "\"bytes_before\":$bytes," out
succeeds "f32 stays" "$KNLP" quantize llama.gguf f32.gguf --type=f32
succeeds "a rule" "$KNLP" quantize llama.gguf --dry-run --mix=q8_0 --tensor-type='blk\.\d\.ffn_up=bf16'
has "f16 or bf16 for it" '^blk.0.ffn_up.weight  *f32  *bf16 ' out
echo 'attn_q=f16 attn_k=f32' >rules
succeeds "rules of a file" "$KNLP" quantize llama.gguf --dry-run --tensor-type-file=rules --mix=q8_0
has "first of the file" '^blk.0.attn_q.weight  *f32  *f16 ' out
has "second of the file" '^blk.0.attn_k.weight  *f32  *f32 ' out

# ---- refusals ----------------------------------------------------------------------

fails "no mix" 2 "no mix 'q9': there are f32, f16" "$KNLP" quantize llama.gguf x.gguf --mix=q9
fails "no type" 2 "no type 'i32'" "$KNLP" quantize llama.gguf x.gguf --type=i32
fails "no rule" 2 "'abc' is no REGEX=TYPE" "$KNLP" quantize llama.gguf x.gguf --tensor-type=abc
fails "no expression" 2 'is no regular expression' "$KNLP" quantize llama.gguf x.gguf --tensor-type='(=q8_0'
fails "matches nothing" 1 "matches 'nosuch'" "$KNLP" quantize llama.gguf x.gguf --tensor-type=nosuch=q8_0
fails "no OUT" 2 'OUT is missing' "$KNLP" quantize llama.gguf
fails "exists" 1 'q8.gguf: exists already' "$KNLP" quantize llama.gguf q8.gguf
fails "no GGUF" 1 'rules' "$KNLP" quantize rules x.gguf
fails "no imatrix" 1 'no importance matrix' "$KNLP" quantize llama.gguf x.gguf --imatrix=llama.gguf
head -c 10000 llama.gguf >cut.gguf
fails "cut" 1 "cut.gguf: tensor '.*' asks for" "$KNLP" quantize cut.gguf x.gguf
fails "type and mix" 2 'say one of them' "$KNLP" quantize llama.gguf x.gguf --type=q8_0 --mix=q8_0
if [ -e x.gguf ]; then not_ok "nothing is left" "x.gguf is there"; else ok "nothing is left"; fi
