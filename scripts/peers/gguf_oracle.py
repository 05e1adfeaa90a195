#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The logits of a GGUF file in fp64: every tensor dequantized, nothing rounded after that.

    gguf_oracle.py MODEL.gguf TOKENS.json OUT.npy

TOKENS.json is a list of token ids.  OUT.npy is float64, one row of logits per token.
Knows gpt2, llama, qwen2, qwen3 and gemma3.  Needs gguf and numpy, and for each big matrix
in turn its size in fp64.
"""
import json
import sys

import gguf
import numpy as np


class Model:
    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.fields = reader.fields
        self.tensors = {t.name: t for t in reader.tensors}
        self.arch = self.key("general.architecture", full=True)

    def key(self, name, default=None, full=False):
        field = self.fields.get(name if full else f"{self.arch}.{name}")
        return default if field is None else field.contents()

    def tensor(self, name):
        t = self.tensors[name]
        return gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float64)

    def linear(self, x, name):
        y = x @ self.tensor(name + ".weight").T
        return y + self.tensor(name + ".bias") if name + ".bias" in self.tensors else y

    def norm(self, x, name):
        if self.arch == "gpt2":
            x = x - x.mean(-1, keepdims=True)
            eps = self.key("attention.layer_norm_epsilon")
        else:
            eps = self.key("attention.layer_norm_rms_epsilon")
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + float(np.float32(eps)))
        x = x * self.tensor(name + ".weight")
        return x + self.tensor(name + ".bias") if name + ".bias" in self.tensors else x

    def rope(self, x, base):
        """x: (tokens, heads, dim). Llama's files turn neighbours, the others halves."""
        n = x.shape[-1]
        angle = np.arange(len(x))[:, None] * base ** (-np.arange(0, n, 2) / n)
        if "rope_freqs.weight" in self.tensors:
            angle = angle / self.tensor("rope_freqs.weight")
        sin, cos = np.sin(angle)[:, None], np.cos(angle)[:, None]
        if self.arch == "llama":
            a, b = x[..., ::2], x[..., 1::2]
            return np.stack([a * cos - b * sin, a * sin + b * cos], -1).reshape(x.shape)
        a, b = x[..., :n // 2], x[..., n // 2:]
        return np.concatenate([a * cos - b * sin, a * sin + b * cos], -1)

    def attention(self, x, i):
        p = f"blk.{i}."
        tokens, heads = len(x), self.key("attention.head_count")
        kv_heads = self.key("attention.head_count_kv", heads)
        if self.arch == "gpt2":
            q, k, v = np.split(self.linear(x, p + "attn_qkv"), 3, -1)
        else:
            q, k, v = (self.linear(x, p + "attn_" + n) for n in "qkv")
        q = q.reshape(tokens, heads, -1)
        k, v = (t.reshape(tokens, kv_heads, -1) for t in (k, v))
        window = 0
        if self.arch != "gpt2":
            base = self.key("rope.freq_base", 10000.0)
            if self.arch == "gemma3" and i % 6 < 5:
                base = self.key("rope.freq_base_swa", 10000.0)
                window = self.key("attention.sliding_window", 0)
            if p + "attn_q_norm.weight" in self.tensors:
                q, k = self.norm(q, p + "attn_q_norm"), self.norm(k, p + "attn_k_norm")
            q, k = self.rope(q, float(base)), self.rope(k, float(base))
        k, v = (np.repeat(t, heads // kv_heads, 1) for t in (k, v))
        s = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(q.shape[-1])
        back = np.arange(tokens)[:, None] - np.arange(tokens)
        s[:, (back < 0) | ((back >= window) if window else False)] = -np.inf
        s = np.exp(s - s.max(-1, keepdims=True))
        s /= s.sum(-1, keepdims=True)
        return self.linear(np.einsum("hqk,khd->qhd", s, v).reshape(tokens, -1),
                           p + "attn_output")

    def mlp(self, x, i):
        p = f"blk.{i}.ffn_"
        up = self.linear(x, p + "up")
        gate = up if self.arch == "gpt2" else self.linear(x, p + "gate")
        if self.arch in ("gpt2", "gemma3"):
            act = gate / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate ** 3)))
        else:
            act = gate / (1 + np.exp(-gate))
        return self.linear(act if self.arch == "gpt2" else act * up, p + "down")

    def logits(self, ids):
        if self.arch not in ("gpt2", "llama", "qwen2", "qwen3", "gemma3"):
            sys.exit(f"no oracle for {self.arch}")
        embed = self.tensors["token_embd.weight"]
        x = gguf.quants.dequantize(embed.data[ids], embed.tensor_type).astype(np.float64)
        if self.arch == "gpt2":
            x = x + self.tensor("position_embd.weight")[:len(ids)]
        if self.arch == "gemma3":
            x = x * np.sqrt(x.shape[-1])
        for i in range(self.key("block_count")):
            post = self.arch == "gemma3"
            y = self.attention(self.norm(x, f"blk.{i}.attn_norm"), i)
            x = x + (self.norm(y, f"blk.{i}.post_attention_norm") if post else y)
            y = self.mlp(self.norm(x, f"blk.{i}.ffn_norm"), i)
            x = x + (self.norm(y, f"blk.{i}.post_ffw_norm") if post else y)
        x = self.norm(x, "output_norm")
        x = self.linear(x, "output" if "output.weight" in self.tensors else "token_embd")
        cap = self.key("final_logit_softcapping")
        return np.tanh(x / cap) * cap if cap else x


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.split("\n\n")[1])
    with open(sys.argv[2], encoding="utf-8") as f:
        ids = json.load(f)
    np.save(sys.argv[3], Model(sys.argv[1]).logits(ids))


if __name__ == "__main__":
    main()
