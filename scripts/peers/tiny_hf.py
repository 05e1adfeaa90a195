#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tiny random models of every family, as Hugging Face folders, with transformers' logits.

    tiny_hf.py OUT TEXT [NAME...]      TEXT: a file to train the tokenizers on

writes OUT/hf-NAME/ with config.json (in the form that published models have), weights as
safetensors, tokenizer files, and beside them

    tokens.json       48 token ids
    logits.npy        float32, what transformers computes for them in fp32, eager attention
    logits64.npy      the same with everything in fp64
    tokenizer-test.json   [{"text": ..., "ids": [...]}] of the tokenizers library, with the
                      special tokens that the tokenizer adds

Needs torch, transformers, tokenizers, sentencepiece.
"""
import contextlib
import json
import os
import sys

import numpy as np
import torch
import transformers

import tiny_tokenizers as tk

TOKENS = 48
WIDTH = 64
TEXTS = ["", " ", "  ", "\n", "\t\n", "Hello world", " Hello World!", "I've 3 33 333 3333 cats.",
         "the king's crown, the queen'S; WE'LL", "naïve café – Äpfel", "我想在apple工作1314151天～",
         "🚀 (normal) 😶‍🌫️", "a\r\nb\n\n  c   \n", "<|endoftext|> is text or not", "x = f(y) + 2.5e-3; // ok"]

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
LLAMA = dict(model_type="llama", architectures=["LlamaForCausalLM"], num_hidden_layers=3,
             num_attention_heads=4, num_key_value_heads=2, hidden_size=WIDTH,
             intermediate_size=160, max_position_embeddings=512, rms_norm_eps=1e-5,
             rope_theta=10000.0, rope_scaling=None, tie_word_embeddings=False,
             attention_bias=False, mlp_bias=False, hidden_act="silu")
CHAT = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + "
        "message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")

# name -> (config, tokenizer, options)
MODELS = {
    "gpt2": (dict(model_type="gpt2", architectures=["GPT2LMHeadModel"], n_layer=3, n_head=4,
                  n_embd=WIDTH, n_positions=256, n_ctx=256, layer_norm_epsilon=1e-5,
                  activation_function="gelu_new", tie_word_embeddings=True), "gpt-2", {}),
    "llama": (LLAMA, "llama-bpe", {}),
    "llama-rope3": ({**LLAMA, "rope_theta": 500000.0, "rope_scaling": LLAMA3}, "llama-bpe", {}),
    "llama-spm": (LLAMA, "spm", {}),
    "llama-sharded": ({**LLAMA, "num_hidden_layers": 4}, "llama-bpe", {"shard": "150KB"}),
    "smollm2": ({**LLAMA, "tie_word_embeddings": True, "rope_theta": 100000.0,
                 "num_attention_heads": 8, "num_key_value_heads": 4}, "smollm", {}),
    "qwen2": (dict(model_type="qwen2", architectures=["Qwen2ForCausalLM"], num_hidden_layers=3,
                   num_attention_heads=4, num_key_value_heads=2, hidden_size=WIDTH,
                   intermediate_size=160, max_position_embeddings=512, rms_norm_eps=1e-6,
                   rope_theta=1000000.0, tie_word_embeddings=True, use_sliding_window=False,
                   hidden_act="silu"), "qwen2", {}),
    "qwen3": (dict(model_type="qwen3", architectures=["Qwen3ForCausalLM"], num_hidden_layers=3,
                   num_attention_heads=4, num_key_value_heads=2, head_dim=32, hidden_size=WIDTH,
                   intermediate_size=160, max_position_embeddings=512, rms_norm_eps=1e-6,
                   rope_theta=1000000.0, tie_word_embeddings=False, attention_bias=False,
                   hidden_act="silu"), "qwen2", {}),
    # llama.cpp takes every sixth layer of a Gemma 3 for a global one.
    "gemma3": (dict(model_type="gemma3_text", architectures=["Gemma3ForCausalLM"],
                    num_hidden_layers=7, num_attention_heads=4, num_key_value_heads=1,
                    head_dim=32, hidden_size=WIDTH, intermediate_size=160, sliding_window=16,
                    max_position_embeddings=512, rms_norm_eps=1e-6, rope_theta=1000000.0,
                    rope_local_base_freq=10000.0, query_pre_attn_scalar=32,
                    layer_types=["sliding_attention"] * 5 + ["full_attention",
                                                            "sliding_attention"],
                    tie_word_embeddings=True, attention_bias=False,
                    hidden_activation="gelu_pytorch_tanh"), "gemma", {}),
}
for _name in ("gpt2", "llama", "qwen2", "qwen3", "gemma3", "smollm2"):
    MODELS[_name + "-bf16"] = (*MODELS[_name][:2], {"dtype": "bfloat16"})

SPECIAL = {"gpt-2": ["<|endoftext|>"],
           "llama-bpe": ["<|begin_of_text|>", "<|end_of_text|>"],
           "smollm": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
           "qwen2": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]}


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text if isinstance(text, str) else json.dumps(text, indent=2) + "\n")


def write_tokenizer(folder, kind, text):
    """Writes the tokenizer's files; returns it with the ids of bos and eos."""
    config = {"clean_up_tokenization_spaces": False, "model_max_length": 512}
    if kind in ("spm", "gemma"):
        gemma = kind == "gemma"
        data = tk.spm_bytes(text, 400, gemma=gemma)
        with open(os.path.join(folder, "tokenizer.model"), "wb") as f:
            f.write(data)
        tok = tk.spm_json(data, gemma=gemma)
        bos, eos, unk = "<s>", "</s>", "<unk>"
        config.update(add_bos_token=True, add_eos_token=False, unk_token=unk,
                      tokenizer_class="GemmaTokenizer" if gemma else "LlamaTokenizer")
        if gemma:
            config["pad_token"] = "<pad>"
        else:
            config["legacy"] = True
    else:
        special = SPECIAL[kind]
        adds = kind == "llama-bpe"
        tok = tk.byte_level(text, kind, 400, special, bos=special[0] if adds else None)
        bos, eos = special[0], special[0 if kind == "gpt-2" else 1 if adds else 2]
        config["tokenizer_class"] = {"gpt-2": "GPT2Tokenizer", "smollm": "GPT2Tokenizer",
                                     "qwen2": "Qwen2Tokenizer"}.get(kind,
                                                                    "PreTrainedTokenizerFast")
        if kind in ("smollm", "qwen2"):
            config["chat_template"] = CHAT
        if kind == "gpt-2":
            config["unk_token"] = bos
    config.update(bos_token=bos, eos_token=eos)
    config["added_tokens_decoder"] = {
        str(i): {"content": t.content, "lstrip": False, "normalized": False, "rstrip": False,
                 "single_word": False, "special": True}
        for i, t in sorted(tok.get_added_tokens_decoder().items())}
    write(os.path.join(folder, "tokenizer.json"), tk.pretty(tok))
    write(os.path.join(folder, "tokenizer_config.json"), config)
    write(os.path.join(folder, "special_tokens_map.json"),
          {k: config[k] for k in ("bos_token", "eos_token", "unk_token", "pad_token")
           if k in config})
    write(os.path.join(folder, "tokenizer-test.json"),
          [{"text": t, "ids": tok.encode(t).ids} for t in TEXTS])
    return tok, tok.token_to_id(bos), tok.token_to_id(eos)


def randomize(model, seed):
    """Weights that make every part of the model matter: logits spread by about 3."""
    g = torch.Generator().manual_seed(seed)
    gemma = model.config.model_type.startswith("gemma")
    with torch.no_grad():
        for name, p in model.named_parameters():
            r = torch.randn(p.shape, generator=g)
            if "norm" in name or ".ln_" in name:
                base = 0 if gemma or name.endswith("bias") else 1
                p.copy_(base + 0.2 * r)
            elif p.dim() == 1:
                p.copy_(0.2 * r)
            elif "embed" in name or "wte" in name or "wpe" in name:
                p.copy_(0.3 * r)
            else:
                fan_in = p.shape[0] if model.config.model_type == "gpt2" and "lm_head" \
                    not in name else p.shape[1]
                p.copy_(r * (1.2 if "lm_head" not in name else 3) / fan_in ** 0.5)


@contextlib.contextmanager
def really_fp64():
    """transformers computes norms, softmax and rotations in fp32 whatever the model is in."""
    saved = torch.float32, torch.float, torch.Tensor.float
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = saved


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].numpy()


def both_logits(folder, ids):
    def load(dtype):
        return transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, attn_implementation="eager").eval()

    logits = logits_of(load(torch.float32), ids)
    model = load(torch.float64)
    with really_fp64():
        if hasattr(model.base_model, "rotary_emb"):
            model.base_model.rotary_emb = type(model.base_model.rotary_emb)(model.config)
        exact = logits_of(model, ids)
    assert logits.dtype == np.float32 and exact.dtype == np.float64
    return logits, exact


def make(out, name, text, seed):
    config, kind, options = MODELS[name]
    folder = os.path.join(out, "hf-" + name)
    os.makedirs(folder, exist_ok=True)
    tok, bos, eos = write_tokenizer(folder, kind, text)
    dtype = options.get("dtype", "float32")
    config = {**config, "vocab_size": tok.get_vocab_size(), "bos_token_id": bos,
              "eos_token_id": eos, "torch_dtype": dtype, "use_cache": True,
              "attention_dropout": 0.0, "transformers_version": "4.51.3"}
    write(os.path.join(folder, "config.json"), config)

    loaded = transformers.AutoConfig.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_config(loaded, attn_implementation="eager")
    randomize(model, seed)
    model.to(getattr(torch, dtype))
    model.save_pretrained(folder, max_shard_size=options.get("shard", "1GB"))
    # save_pretrained writes the config of its own version; published models have this one.
    write(os.path.join(folder, "config.json"), config)

    ids = tok.encode(text[1000:2000], add_special_tokens=False).ids[:TOKENS]
    if tok.encode("").ids:
        ids[0] = bos
    assert len(ids) == TOKENS
    logits, exact = both_logits(folder, ids)
    np.save(os.path.join(folder, "logits.npy"), logits)
    np.save(os.path.join(folder, "logits64.npy"), exact)
    write(os.path.join(folder, "tokens.json"), ids)
    print(f"{name}: {sum(p.numel() for p in model.parameters())} parameters, vocabulary "
          f"{tok.get_vocab_size()}, logits' deviation {exact.std():.2f}, "
          f"rms error of fp32 {np.sqrt(((logits - exact) ** 2).mean()):.1e}", flush=True)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.split("\n\n")[1])
    with open(sys.argv[2], encoding="utf-8") as f:
        text = f.read()[:300000]
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in sys.argv[3:] or MODELS:
        make(sys.argv[1], name, text, seed=list(MODELS).index(name))


if __name__ == "__main__":
    main()
