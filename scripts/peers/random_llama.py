#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Llama of random weights as GGUF, to be quantized and timed, or to test types with.

    random_llama.py VOCAB.gguf OUT.gguf [--type f16|f32] [--width 2048] [--layers 20]
                    [--heads 32] [--kv-heads 8] [--ffn 5632] [--vocab 32000] [--seed 1]

The tokenizer is that of VOCAB.gguf (llama.cpp's ggml-vocab-llama-spm.gguf, say), cut to
--vocab tokens; it must be a SentencePiece one.  The default is a model of 1.03 billion
parameters, that is 2.1 GB in F16 and 580 MB in Q4_K.  Needs gguf and numpy.
"""
import argparse

import gguf
import numpy as np


def shapes(a):
    head = a.width // a.heads
    yield "token_embd", (a.vocab, a.width)
    for i in range(a.layers):
        p = f"blk.{i}."
        yield p + "attn_norm", (a.width,)
        yield p + "attn_q", (a.width, a.width)
        yield p + "attn_k", (a.kv_heads * head, a.width)
        yield p + "attn_v", (a.kv_heads * head, a.width)
        yield p + "attn_output", (a.width, a.width)
        yield p + "ffn_norm", (a.width,)
        yield p + "ffn_gate", (a.ffn, a.width)
        yield p + "ffn_up", (a.ffn, a.width)
        yield p + "ffn_down", (a.width, a.ffn)
    yield "output_norm", (a.width,)
    yield "output", (a.vocab, a.width)


def weights(rng, name, shape):
    x = rng.standard_normal(shape, dtype=np.float32)
    if len(shape) == 1:
        return 1 + np.float32(0.1) * x
    scale = 0.3 if name == "token_embd" else 2 / shape[1] ** 0.5 if name == "output" \
        else 1 / shape[1] ** 0.5
    x *= np.float32(scale)
    return x


def write_tokenizer(writer, path, vocab):
    fields = gguf.GGUFReader(path).fields

    def get(name):
        return fields["tokenizer.ggml." + name].contents()

    assert get("model") == "llama", "not a SentencePiece vocabulary"
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(get("tokens")[:vocab])
    writer.add_token_scores(get("scores")[:vocab])
    writer.add_token_types(get("token_type")[:vocab])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("tokenizer")
    p.add_argument("out")
    p.add_argument("--type", choices=("f16", "f32"), default="f16")
    for name, value in dict(width=2048, layers=20, heads=32, kv_heads=8, ffn=5632, vocab=32000,
                            context=4096, seed=1).items():
        p.add_argument("--" + name.replace("_", "-"), type=int, default=value)
    a = p.parse_args()
    dtype = np.float16 if a.type == "f16" else np.float32

    w = gguf.GGUFWriter(a.out, "llama")
    w.add_name(f"random llama {a.width}x{a.layers}")
    w.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if a.type == "f16"
                    else gguf.LlamaFileType.ALL_F32)
    w.add_context_length(a.context)
    w.add_embedding_length(a.width)
    w.add_block_count(a.layers)
    w.add_feed_forward_length(a.ffn)
    w.add_head_count(a.heads)
    w.add_head_count_kv(a.kv_heads)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_dimension_count(a.width // a.heads)
    w.add_rope_freq_base(10000.0)
    w.add_vocab_size(a.vocab)
    write_tokenizer(w, a.tokenizer, a.vocab)

    # One tensor in memory at a time.
    kinds = [(n, s, np.dtype(dtype if len(s) > 1 else np.float32)) for n, s in shapes(a)]
    for name, shape, kind in kinds:
        w.add_tensor_info(name + ".weight", shape, kind, int(np.prod(shape)) * kind.itemsize)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_ti_data_to_file()
    rng = np.random.default_rng(a.seed)
    for name, shape, kind in kinds:
        w.write_tensor_data(weights(rng, name, shape).astype(kind))
    w.close()


if __name__ == "__main__":
    main()
