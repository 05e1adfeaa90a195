#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Very small models of every family: a Hugging Face folder and what llama.cpp makes of it.

    golden_formats.py LLAMA_CPP tests/data/formats

writes NAME/config.json and NAME/model.safetensors (or shards) with transformers, and
NAME.gguf with the classes of llama.cpp's convert_hf_to_gguf.py.  They have no tokenizer.
tests/unit/test-formats.c compares the two as knlp reads them.
"""
import json
import pathlib
import shutil
import sys

import torch
import transformers

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
LLAMA = dict(model_type="llama", architectures=["LlamaForCausalLM"], num_hidden_layers=2,
             num_attention_heads=2, num_key_value_heads=1, hidden_size=16, intermediate_size=24,
             max_position_embeddings=128, rms_norm_eps=1e-5, rope_theta=10000.0, vocab_size=12)
QWEN = {**LLAMA, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "hidden_act": "silu"}
MODELS = {
    "gpt2": (dict(model_type="gpt2", architectures=["GPT2LMHeadModel"], n_layer=2, n_head=2,
                  n_embd=16, n_positions=32, n_ctx=32, vocab_size=12), {}),
    "llama": (LLAMA, {}),
    "llama3": ({**LLAMA, "rope_theta": 500000.0, "rope_scaling": LLAMA3, "head_dim": 16,
                "tie_word_embeddings": True}, {}),
    "sharded": ({**LLAMA, "attention_bias": True, "mlp_bias": True}, {"max_shard_size": "3KB"}),
    "qwen2": ({**QWEN, "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"],
               "tie_word_embeddings": True}, {}),
    "qwen3": ({**QWEN, "model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"],
               "head_dim": 16}, {}),
    "gemma3": (dict(model_type="gemma3_text", architectures=["Gemma3ForCausalLM"],
                    num_hidden_layers=7, num_attention_heads=2, num_key_value_heads=1, head_dim=16,
                    hidden_size=16, intermediate_size=24, sliding_window=8,
                    max_position_embeddings=128, rms_norm_eps=1e-6, rope_theta=1000000.0,
                    rope_local_base_freq=10000.0, query_pre_attn_scalar=16, vocab_size=12), {}),
}


def make(out, name, config, options, seed):
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    model = transformers.AutoModelForCausalLM.from_config(
        transformers.AutoConfig.from_pretrained(folder))
    torch.manual_seed(seed)
    for p in model.parameters():
        p.data = torch.randn(p.shape) * 0.3
    tmp = folder / "tmp"
    model.to(torch.bfloat16).save_pretrained(tmp, **options)
    for f in tmp.glob("*.safetensors*"):
        f.rename(folder / f.name)
    shutil.rmtree(tmp)


def convert(llama_cpp, folder, out):
    sys.path[:0] = [str(llama_cpp), str(llama_cpp / "gguf-py")]
    import gguf
    from conversion import ModelBase, get_model_class
    cls = get_model_class(json.loads((folder / "config.json").read_text())["architectures"][0])
    cls.set_vocab = lambda self: None
    # Gemma's table of tokens is cut to what its tokenizer has: there is none.
    if cls.__name__ == "Gemma3Model":
        shift = cls.norm_shift
        cls.modify_tensors = lambda self, data, name, bid: super(cls, self).modify_tensors(
            data + shift(self, name), name, bid)
    with torch.inference_mode():
        cls(folder, gguf.LlamaFileType.MOSTLY_BF16, out, eager=True).write()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[1])
    llama_cpp, out = (pathlib.Path(a) for a in sys.argv[1:])
    for seed, (name, (config, options)) in enumerate(MODELS.items()):
        make(out, name, config, options, seed)
        convert(llama_cpp, out / name, out / (name + ".gguf"))


main()
