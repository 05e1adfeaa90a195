#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Logits that transformers computes, in fp64, with small random models of each family.

    golden_families.py DIR      writes DIR/families.safetensors (DIR is tests/data/golden)

Needs `pip install torch transformers`.  Tensors of a case:

    CASE/weight/NAME    bf16, named as in Hugging Face's file; Gemma's norms hold gain - 1
    CASE/tokens         (B, T)
    CASE/logits         (B, T, V)

and in the metadata CASE/config: the model for knlp.
tests/unit/test-families.c builds the same models and compares.
"""
import os
import sys

import torch
from transformers import (AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, Qwen2Config,
                          Qwen3Config)

from golden_file import save


def f32(x):
    """A constant as the C program has it: rounded to float."""
    return torch.tensor(x, dtype=torch.float32).item()


EPS5, EPS6 = f32(1e-5), f32(1e-6)
# What transformers does in fp32 whatever the model's type (norms, angles, softmax).
torch.float = torch.float32 = torch.float64
torch.Tensor.float = torch.Tensor.double

BATCH, T, VOCAB = 2, 24, 61
COMMON = dict(vocab_size=VOCAB, num_hidden_layers=3, hidden_size=24, intermediate_size=36,
              num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=T)
KNLP = {"MODEL_VOCAB": VOCAB, "MODEL_LAYERS": 3, "MODEL_WIDTH": 24, "MODEL_MLP_WIDTH": 36,
        "MODEL_HEADS": 4, "MODEL_KV_HEADS": 2, "MODEL_CONTEXT": T}

CASES = {
    "llama": (
        LlamaConfig(**COMMON, head_dim=6, rms_norm_eps=EPS5, rope_parameters=dict(
            rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0,
            high_freq_factor=4.0, original_max_position_embeddings=64)),
        KNLP | {"MODEL_FAMILY": "llama", "MODEL_HEAD_DIM": 6, "MODEL_ROPE_BASE": 500,
                "MODEL_ROPE_SCALING": "llama3", "MODEL_ROPE_FACTOR": 8,
                "MODEL_ROPE_ORIGINAL": 64}),
    "qwen2": (
        Qwen2Config(**COMMON, tie_word_embeddings=True, rms_norm_eps=EPS6,
                    rope_parameters=dict(rope_type="linear", rope_theta=1000.0, factor=4.0)),
        KNLP | {"MODEL_FAMILY": "qwen2", "MODEL_TIED": "yes", "MODEL_HEAD_DIM": 6,
                "MODEL_ROPE_BASE": 1000, "MODEL_ROPE_SCALING": "linear",
                "MODEL_ROPE_FACTOR": 4}),
    "qwen3": (
        Qwen3Config(**COMMON, head_dim=10, rms_norm_eps=EPS6,
                    rope_parameters=dict(rope_type="default", rope_theta=1000000.0)),
        KNLP | {"MODEL_FAMILY": "qwen3", "MODEL_HEAD_DIM": 10,
                "MODEL_ROPE_BASE": "auto"}),
    "gemma3": (
        Gemma3TextConfig(**COMMON, head_dim=8, sliding_window=7, query_pre_attn_scalar=16,
                         rms_norm_eps=EPS6, layer_types=["sliding_attention", "full_attention",
                                                         "sliding_attention"],
                         rope_parameters={
                             "sliding_attention": dict(rope_type="default", rope_theta=100.0),
                             "full_attention": dict(rope_type="linear", rope_theta=5000.0,
                                                    factor=8.0)}),
        KNLP | {"MODEL_FAMILY": "gemma3", "MODEL_HEAD_DIM": 8, "MODEL_WINDOW": 7,
                "MODEL_ATTENTION": "window,full,window", "MODEL_ATTN_SCALE": 0.25,
                "MODEL_ROPE_LOCAL_BASE": 100, "MODEL_ROPE_BASE": 5000,
                "MODEL_ROPE_SCALING": "linear", "MODEL_ROPE_FACTOR": 8}),
}


def fill(model):
    """Larger than usual, so that everything matters; bf16 numbers, to keep the file small."""
    for name, w in model.named_parameters():
        std = 0.4 if w.dim() > 1 else 0.2
        value = torch.randn(w.shape) * std
        if "norm" in name and "gemma" not in type(model).__name__.lower():
            value += 1
        w.data = value.to(torch.bfloat16).double()


def make(name, config, tensors):
    config._attn_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config).double().eval()
    fill(model)
    tokens = torch.randint(VOCAB, (BATCH, T))
    with torch.no_grad():
        logits = model(tokens).logits
    tensors[f"{name}/tokens"] = tokens.int()
    tensors[f"{name}/logits"] = logits
    tied = config.tie_word_embeddings
    for key, w in model.state_dict().items():
        if not (tied and key == "lm_head.weight"):
            tensors[f"{name}/weight/{key}"] = w.detach().to(torch.bfloat16)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.manual_seed(20240601)
    tensors, metadata = {}, {}
    for name, (config, knlp) in CASES.items():
        make(name, config, tensors)
        metadata[f"{name}/config"] = "\n".join(f"{k}={v}" for k, v in knlp.items())
    save(os.path.join(sys.argv[1], "families.safetensors"), tensors, metadata)


if __name__ == "__main__":
    main()
