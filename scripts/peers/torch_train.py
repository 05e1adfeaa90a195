#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The PyTorch peer: one training step of a GPT-2 shaped model on the CPU.

Same architecture as GPT-2: pre-LayerNorm, learned positions, tied head,
tanh GELU, biases everywhere, no dropout. A step is forward, loss, backward,
AdamW. Prints one line of "key=value" per case, so that a script can make a
table of many. FLOPs per token are 6 N + 6 L C T, with N the parameters less
the position embedding (the causal half of attention is counted once).
"""
import argparse
import math
import os
import resource
import statistics
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Attention(nn.Module):
    def __init__(self, width, heads, sdp):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.heads = heads
        self.sdp = sdp

    def forward(self, x, mask):
        B, T, C = x.shape
        q, k, v = self.qkv(x).split(C, dim=2)
        q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2)
                   for t in (q, k, v))
        if self.sdp == "manual":
            att = (q @ k.transpose(-2, -1)) / math.sqrt(C // self.heads)
            att = att.masked_fill(mask[:T, :T], float("-inf"))
            y = F.softmax(att, dim=-1) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, width, heads, sdp):
        super().__init__()
        self.ln1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads, sdp)
        self.ln2 = nn.LayerNorm(width)
        self.fc = nn.Linear(width, 4 * width)
        self.proj = nn.Linear(4 * width, width)

    def forward(self, x, mask):
        x = x + self.attn(self.ln1(x), mask)
        h = F.gelu(self.fc(self.ln2(x)), approximate="tanh")
        return x + self.proj(h)


class GPT(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.wte = nn.Embedding(a.vocab, a.width)
        self.wpe = nn.Embedding(a.T, a.width)
        self.blocks = nn.ModuleList(
            Block(a.width, a.heads, a.sdp) for _ in range(a.layers))
        self.lnf = nn.LayerNorm(a.width)
        self.head = nn.Linear(a.width, a.vocab, bias=False)
        self.head.weight = self.wte.weight
        mask = torch.ones(a.T, a.T, dtype=torch.bool).triu(1)
        self.register_buffer("mask", mask, persistent=False)
        for p in self.parameters():
            if p.dim() >= 2:
                nn.init.normal_(p, std=0.02)

    def forward(self, idx, target):
        pos = torch.arange(idx.shape[1])
        x = self.wte(idx) + self.wpe(pos)
        for block in self.blocks:
            x = block(x, self.mask)
        logits = self.head(self.lnf(x))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]),
                               target.view(-1))


def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--layers", type=int, default=6)
    p.add_argument("--heads", type=int, default=6)
    p.add_argument("--width", type=int, default=384)
    p.add_argument("--T", type=int, default=256, help="context length")
    p.add_argument("--B", type=int, default=16, help="sequences per step")
    p.add_argument("--vocab", type=int, default=257)
    p.add_argument("--mode", choices=("eager", "compile"), default="eager")
    p.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32",
                   help="bf16 is autocast: fp32 weights, bf16 products")
    p.add_argument("--sdp", choices=("flash", "math", "manual"),
                   default="flash", help="attention implementation")
    p.add_argument("--adam", choices=("default", "foreach", "fused"),
                   default="fused", help="AdamW implementation")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--warmup", type=int, default=3)
    p.add_argument("--steps", type=int, default=7, help="timed steps")
    p.add_argument("--name", default="", help="label of the printed line")
    return p.parse_args()


def adamw(model, kind):
    how = {"default": {}, "foreach": {"foreach": True},
           "fused": {"fused": True}}[kind]
    try:
        return torch.optim.AdamW(model.parameters(), lr=3e-4,
                                 betas=(0.9, 0.95), weight_decay=0.1, **how)
    except (TypeError, RuntimeError):    # torch 1.13 has none on the CPU
        return torch.optim.AdamW(model.parameters(), lr=3e-4,
                                 betas=(0.9, 0.95), weight_decay=0.1)


def choose_sdp(kind):
    try:
        torch.backends.cuda.enable_flash_sdp(kind == "flash")
        torch.backends.cuda.enable_mem_efficient_sdp(False)
        torch.backends.cuda.enable_math_sdp(True)
    except AttributeError:
        pass


def blas_name():
    text = torch.__config__.show()
    for key in ("BLAS_INFO=", "BLAS="):
        if key in text:
            return text.split(key, 1)[1].split(",", 1)[0].split()[0]
    return "unknown"


def time_steps(a, model, forward, optimizer):
    gen = torch.Generator().manual_seed(1)
    data = torch.randint(a.vocab, (a.B, a.T + 1), generator=gen)
    x, y = data[:, :-1].contiguous(), data[:, 1:].contiguous()
    times = []
    for step in range(a.warmup + a.steps):
        begin = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16,
                            enabled=a.dtype == "bf16"):
            loss = forward(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        value = loss.item()
        if step >= a.warmup:
            times.append(time.perf_counter() - begin)
    return times, value


def main():
    a = options()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    load = os.getloadavg()[0]
    choose_sdp(a.sdp)
    model = GPT(a)
    forward = torch.compile(model) if a.mode == "compile" else model
    times, loss = time_steps(a, model, forward, adamw(model, a.adam))
    n = sum(p.numel() for p in model.parameters()) - model.wpe.weight.numel()
    flops = 6 * n + 6 * a.layers * a.width * a.T
    median = statistics.median(times)
    rate = a.B * a.T / median
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"name={a.name or '-'} mode={a.mode} dtype={a.dtype} sdp={a.sdp} "
          f"adam={a.adam} threads={a.threads} params={n} steps={len(times)} "
          f"ms={median * 1e3:.1f} min={min(times) * 1e3:.1f} "
          f"max={max(times) * 1e3:.1f} tok/s={rate:.1f} "
          f"GFLOP/s={rate * flops / 1e9:.1f} rss_MiB={rss:.0f} "
          f"load={load:.2f}-{os.getloadavg()[0]:.2f} loss={loss:.4f} "
          f"torch={torch.__version__} blas={blas_name()}", flush=True)


if __name__ == "__main__":
    main()
