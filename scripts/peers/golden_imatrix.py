#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the inputs of linear layers are, by transformers in fp64: sums of squares of columns.

    golden_imatrix.py tests/data/formats tests/data/golden/imatrix.safetensors

The models are those of golden_formats.py, called as gguf-py's table of names has them; the text is
two sequences of 20 tokens, token i of sequence s being (5 i + i / 7 + s) mod 12.
tests/unit/test-imatrix.c compares.
"""
import pathlib
import sys

import gguf
import torch
import transformers
from safetensors.torch import save_file

FAMILIES = {"gpt2": "GPT2", "llama": "LLAMA", "llama3": "LLAMA", "qwen2": "QWEN2", "qwen3": "QWEN3",
            "gemma3": "GEMMA3"}


def linear(module):
    return isinstance(module, (torch.nn.Linear, transformers.pytorch_utils.Conv1D))


def sums(folder, arch):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float64, attn_implementation="eager").eval()
    layers = model.config.num_hidden_layers
    names = gguf.get_tensor_name_map(getattr(gguf.MODEL_ARCH, arch), layers)
    found = {}

    def note(name):
        def hook(_, inputs):
            x = inputs[0].double().reshape(-1, inputs[0].shape[-1])
            found[name] = found.get(name, 0) + (x ** 2).sum(0)
        return hook

    for name, module in model.named_modules():
        if linear(module) and name != "lm_head":
            module.register_forward_pre_hook(
                note(names.get_name(name + ".weight", try_suffixes=(".weight",))))
    ids = torch.tensor([[(5 * i + i // 7 + s) % 12 for i in range(20)] for s in range(2)])
    with torch.no_grad():
        model(ids)
    return found


def main():
    source, out = pathlib.Path(sys.argv[1]), sys.argv[2]
    golden = {}
    for family, arch in FAMILIES.items():
        for name, x in sums(source / family, arch).items():
            golden[f"{family}/{name}"] = x.float()
    save_file(golden, out)


if __name__ == "__main__":
    main()
