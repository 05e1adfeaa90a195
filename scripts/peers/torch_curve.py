#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The loss of knlp and of PyTorch, step by step, from the same weights on the same text.

    torch_curve.py --knlp ./knlp --data DIR [--steps 300] [--dtype f32|bf16] [--out DIR]

DIR is a data folder with the byte tokenizer.  knlp draws the initial weights (a run of one
step with learning rate 0), then trains the 6x384 model of Documentation/performance.md; the
model of torch_train.py, with those weights, is trained by PyTorch in fp32 on the same
windows in the same order, with the same warm-up, cosine, decay and clipping.  Prints the
largest relative difference of the loss up to step 100 and to the end.
"""
import argparse
import json
import math
import os
import shutil
import struct
import subprocess
from types import SimpleNamespace

import numpy as np
import torch

from torch_train import GPT

LAYERS, HEADS, WIDTH, T, B, VOCAB = 6, 6, 384, 256, 16, 257
LR, MIN_LR, WARMUP, DECAY, CLIP = 1e-3, 1e-4, 100, 0.1, 1.0
BETAS, EPS = (0.9, 0.95), 1e-8


def options():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--knlp", default="./knlp")
    p.add_argument("--data", required=True)
    p.add_argument("--steps", type=int, default=300)
    p.add_argument("--dtype", choices=("f32", "bf16"), default="f32")
    p.add_argument("--out", default="curve-out")
    p.add_argument("--threads", type=int, default=2)
    return p.parse_args()


def train_knlp(a, name, steps, lr):
    run = os.path.join(a.out, name)
    shutil.rmtree(run, ignore_errors=True)
    values = {
        "MODEL_FAMILY": "gpt2", "MODEL_LAYERS": LAYERS, "MODEL_HEADS": HEADS,
        "MODEL_WIDTH": WIDTH, "MODEL_CONTEXT": T, "MODEL_DROPOUT": 0,
        "TRAIN_BATCH": B, "TRAIN_ACCUM": 1, "TRAIN_TOKENS": steps * B * T,
        "TRAIN_LR": lr, "TRAIN_MIN_LR": min(lr, MIN_LR), "TRAIN_WARMUP": WARMUP,
        "TRAIN_SCHEDULE": "cosine", "TRAIN_DTYPE": a.dtype, "DATA_SHUFFLE": "n",
        "OPTIM_NAME": "adamw", "OPTIM_BETA1": BETAS[0], "OPTIM_BETA2": BETAS[1],
        "OPTIM_EPS": EPS, "OPTIM_WEIGHT_DECAY": DECAY, "OPTIM_CLIP": CLIP,
    }
    command = [a.knlp, "train", "-q", "--data", a.data, "--run", run]
    for key, value in values.items():
        command += ["--set", f"{key}={value}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return run


def read_safetensors(path):
    with open(path, "rb") as f:
        size, = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(size))
        body = f.read()
    header.pop("__metadata__", None)
    for name, t in header.items():
        assert t["dtype"] == "F32", (name, t["dtype"])
        first, last = t["data_offsets"]
        value = np.frombuffer(body[first:last], "<f4").reshape(t["shape"])
        yield name, torch.from_numpy(value.copy())


def model_from(run):
    folder = os.path.join(run, "checkpoints")
    newest = os.path.join(folder, sorted(os.listdir(folder))[-1])
    a = SimpleNamespace(vocab=VOCAB, width=WIDTH, T=T, layers=LAYERS, heads=HEADS, sdp="flash")
    model = GPT(a)
    names = {"wte": "wte", "wpe": "wpe", "ln_f": "lnf", "ln_1": "ln1", "ln_2": "ln2",
             "attn.c_attn": "attn.qkv", "attn.c_proj": "attn.proj", "mlp.c_fc": "fc",
             "mlp.c_proj": "proj"}
    ours = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in read_safetensors(os.path.join(newest, "model.safetensors")):
            part = name.removeprefix("transformer.").split(".")
            block = f"blocks.{part[1]}." if part[0] == "h" else ""
            module = ".".join(part[2:-1] if block else part[:-1])
            conv1d = part[-1] == "weight" and module.startswith(("attn.", "mlp."))
            target = ours.pop(block + names[module] + "." + part[-1])
            target.copy_(value.T if conv1d else value)
    assert not [n for n in ours if n != "head.weight"], list(ours)
    return model


def windows(data):
    """The training split as one stream of tokens: llm.c shards, in order."""
    tokens = []
    for name in sorted(os.listdir(data)):
        if name.startswith("train") and name.endswith(".bin"):
            header = np.fromfile(os.path.join(data, name), "<i4", 256)
            kind = "<u2" if header[1] == 1 else "<u4"
            tokens.append(np.fromfile(os.path.join(data, name), kind, offset=1024))
    return np.concatenate(tokens).astype(np.int64)


def rate(step, steps):
    if step < WARMUP:
        return LR * (step + 1) / (WARMUP + 1)
    progress = (step - WARMUP) / max(steps - WARMUP - 1, 1)
    return MIN_LR + (LR - MIN_LR) * (1 + math.cos(math.pi * progress)) / 2


def train_torch(a, run):
    torch.set_num_threads(a.threads)
    model, stream = model_from(run), windows(a.data)
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": DECAY},
                                   {"params": rest, "weight_decay": 0}],
                                  lr=LR, betas=BETAS, eps=EPS, fused=True)
    count = (len(stream) - 1) // T
    losses = []
    for step in range(a.steps):
        first = [(step * B + i) % count * T for i in range(B)]
        x = torch.from_numpy(np.stack([stream[f:f + T] for f in first]))
        y = torch.from_numpy(np.stack([stream[f + 1:f + T + 1] for f in first]))
        for group in optimizer.param_groups:
            group["lr"] = rate(step, a.steps)
        loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        losses.append(loss.item())
    return losses


def read_losses(run):
    with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    return [line["loss"] for line in lines if line["event"] == "train"]


def main():
    a = options()
    os.makedirs(a.out, exist_ok=True)
    start = train_knlp(a, "start", 1, 0)
    ours = read_losses(train_knlp(a, "knlp-" + a.dtype, a.steps, LR))
    theirs = train_torch(a, start)
    off = [abs(x - y) / y for x, y in zip(ours, theirs)]
    for step in [1, 10, 50, 100, 150, 200, 250, 300]:
        if step <= a.steps:
            print(f"step {step:4}  knlp {ours[step - 1]:.6f}  torch {theirs[step - 1]:.6f}  "
                  f"off {off[step - 1]:.1e}")
    print(f"largest difference: {max(off[:100]):.2e} up to step 100, {max(off):.2e} in all "
          f"{len(off)}")


if __name__ == "__main__":
    main()
