#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does `knlp prune` do what Wanda and SparseGPT say, and what their authors' programs do?

    prune_check.py --knlp KNLP --data DATA [--length T] [--wanda DIR] [--sparsegpt DIR] MODEL

MODEL is a Hugging Face folder in f32 (`knlp convert RUN MODEL` makes one), DATA a folder of
`knlp data prepare` with its tokenizer.  All windows of T tokens of its training split are read,
so that their order does not matter; take a short text.

Both methods are written here once more from the papers, in fp64 on top of transformers:

    Wanda       Sun et al. 2024, equation 1 and algorithm 1
    SparseGPT   Frantar and Alistarh 2023, algorithm 1: damping of 1 %, blocks of 128 columns

with --wanda and --sparsegpt (checkouts of github.com/locuslab/wanda and
github.com/IST-DASLab/sparsegpt) also those programs are run, on the same weights and inputs, in fp64.  SparseGPT's
drops one weight more than asked for in each block of columns, so that it is asked for less.
Prints a line for each tensor that is worst, per method and peer: the share of the mask that
agrees, the largest difference of weights in rows with equal masks, relative to the largest
weight of the tensor; and the perplexities.  Exit code 1 if less than 99.9 % of a mask agree,
weights differ by more than 1e-4, or perplexities by more than 1 %.

Needs torch, transformers, safetensors.
"""
import argparse
import contextlib
import glob
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file

DAMP, COLUMNS = 0.01, 128


def tokens_of(data):
    """The training split as one stream: 256 int32, then uint16 or uint32 tokens."""
    parts = []
    for name in sorted(glob.glob(os.path.join(data, "train_*.bin"))):
        raw = open(name, "rb").read()
        wide = np.frombuffer(raw, "<i4", 2)[1] == 7
        parts.append(np.frombuffer(raw, "<u4" if wide else "<u2", offset=1024).astype(np.int64))
    return np.concatenate(parts)


def windows_of(stream, length):
    count = (len(stream) - 1) // length
    return torch.tensor(stream[:count * length].reshape(count, length))


def blocks_of(model):
    inner = model.transformer.h if hasattr(model, "transformer") else model.model.layers
    prefix = "transformer.h" if hasattr(model, "transformer") else "model.layers"
    for i, block in enumerate(inner):
        yield [(f"{prefix}.{i}.{n}.weight", m) for n, m in block.named_modules()
               if isinstance(m, (torch.nn.Linear, transformers.Conv1D))]


def weight_of(module):
    """(out, in)"""
    w = module.weight.data
    return w.t() if isinstance(module, transformers.Conv1D) else w


def set_weight(module, w):
    module.weight.data = (w.t() if isinstance(module, transformers.Conv1D) else w).contiguous()


def inputs_of(model, layers, windows):
    """What goes into each layer, (positions, in)."""
    seen = {name: [] for name, _ in layers}
    hooks = [m.register_forward_pre_hook(lambda _, x, n=name: seen[n].append(x[0].flatten(0, -2)))
             for name, m in layers]
    with torch.no_grad():
        for at in range(0, len(windows), 8):
            model(windows[at:at + 8])
    for h in hooks:
        h.remove()
    return {n: torch.cat(x) for n, x in seen.items()}


# ---- once more from the papers ------------------------------------------------------------------

def lowest(score, drop):
    """Where the first @drop of the sorted scores are, ties in the order of their places."""
    order = torch.sort(score.flatten(), stable=True).indices[:drop]
    mask = torch.zeros(score.numel(), dtype=torch.bool)
    mask[order] = True
    return mask.reshape(score.shape)


def lowest_of_groups(score, keep, of):
    g = score.reshape(-1, of)
    order = torch.sort(g, dim=1, stable=True).indices[:, :of - keep]
    mask = torch.zeros_like(g, dtype=torch.bool)
    mask.scatter_(1, order, True)
    return mask.reshape(score.shape)


def wanda(w, x, how):
    score = w.abs() * x.pow(2).sum(0).sqrt()
    if how[1]:
        return w * ~lowest_of_groups(score, how[1], how[2])
    drop = int(how[0] * w.shape[1] + 1e-6)
    return w * ~torch.stack([lowest(row, drop) for row in score])


def inverse_upper(x):
    h = 2 * x.t() @ x / len(x)
    dead = h.diagonal() == 0
    h[dead, dead] = 1
    h += DAMP * h.diagonal().mean() * torch.eye(len(h), dtype=h.dtype)
    return torch.linalg.cholesky(torch.linalg.inv(h), upper=True), dead


def sparsegpt(w, x, how):
    u, dead = inverse_upper(x)
    w, rows, cols = w.clone(), *w.shape
    d = u.diagonal().clone()
    d[dead] = float("inf")
    count = lambda n: int(how[0] * n + 1e-6)
    for begin in range(0, cols, COLUMNS):
        end = min(begin + COLUMNS, cols)
        drop = torch.zeros(rows, end - begin, dtype=torch.bool)
        if not how[1]:
            drop = lowest((w[:, begin:end] / d[begin:end]) ** 2,
                          count(rows * end) - count(rows * begin))
        for j in range(begin, end):
            if how[1] and j % how[2] == 0:
                score = (w[:, j:j + how[2]] / d[j:j + how[2]]) ** 2
                drop[:, j - begin:j - begin + how[2]] = lowest_of_groups(score, *how[1:])
            error = torch.where(drop[:, j - begin], w[:, j], 0.0) / u[j, j]
            w[:, j:] -= error[:, None] * u[j, j:]
            w[drop[:, j - begin], j] = 0
    return w


# ---- the authors' programs -----------------------------------------------------------------------

def load_module(folder, name):
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(f"peer_{name}", folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.pop(0)
    return module


def linear_of(w):
    layer = torch.nn.Linear(w.shape[1], w.shape[0], bias=False)
    layer.weight.data = w.clone()
    return layer


@contextlib.contextmanager
def in_fp64():
    """Their programs convert to f32; here, all the same, everything is fp64."""
    as_float = torch.Tensor.float
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        with open(os.devnull, "w") as null, contextlib.redirect_stdout(null):
            yield
    finally:
        torch.Tensor.float = as_float
        torch.set_default_dtype(torch.float32)


def their_wanda(module):
    def prune(w, x, how):
        with in_fp64():
            layer = linear_of(w)
            wrapped = module.WrappedGPT(layer)
            wrapped.add_batch(x, None)
        score = layer.weight.data.abs() * torch.sqrt(wrapped.scaler_row.reshape(1, -1))
        if how[1]:
            return w * ~lowest_of_groups(score, how[1], how[2])
        order = torch.sort(score, dim=-1, stable=True)[1][:, :int(w.shape[1] * how[0])]
        drop = torch.zeros_like(score, dtype=torch.bool)
        drop.scatter_(1, order, True)
        return w * ~drop
    return prune


def their_sparsegpt(module):
    torch.cuda.synchronize = lambda *_: None

    def prune(w, x, how):
        with in_fp64():
            layer = linear_of(w)
            solver = module.SparseGPT(layer)
            solver.add_batch(x, None)
            less = 0.5 / (w.shape[0] * min(COLUMNS, w.shape[1]))
            solver.fasterprune(how[0] - less, prunen=how[2] - how[1], prunem=how[2], percdamp=DAMP,
                               blocksize=COLUMNS)
        return layer.weight.data
    return prune


# ---- comparing -------------------------------------------------------------------------------------

def perplexity(model, windows):
    nats = count = 0
    with torch.no_grad():
        for at in range(0, len(windows), 8):
            ids = windows[at:at + 8]
            logits = model(ids).logits[:, :-1]
            nats += float(torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum"))
            count += ids[:, 1:].numel()
    return float(np.exp(nats / count))


def load_model(path):
    return transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float64).eval()


def knlp_prune(opt, criterion, sparsity, calib, windows, out):
    subprocess.run([opt.knlp, "prune", "-q", "-k", criterion, "--sparsity", sparsity, "-o", out, "-d",
                    opt.data, "--calib", calib, "--sequences", str(len(windows)), "--length",
                    str(opt.length), opt.model], check=True,
                   stdout=subprocess.DEVNULL)
    files = glob.glob(os.path.join(out, "model*.safetensors"))
    return {k: v for f in files for k, v in load_file(f).items()}


def compare(name, module, ours, theirs):
    """Share of the mask that agrees; largest relative difference in rows of equal masks."""
    got = torch.tensor(ours[name]).double()
    if isinstance(module, transformers.Conv1D):
        got = got.t()
    same = (got != 0) == (theirs != 0)
    rows = same.all(1)
    apart = (got - theirs)[rows].abs().max() if rows.any() else torch.tensor(0.0)
    return float(same.double().mean()), float(apart / theirs.abs().max())


def run(opt, criterion, sparsity, calib, peer, prune, windows, folder):
    how = (0.5, 0, 0) if ":" not in sparsity else (0.5, *map(int, sparsity.split(":")))
    out = os.path.join(folder, f"{criterion}-{sparsity}-{calib}-{peer}")
    ours = knlp_prune(opt, criterion, sparsity, calib, windows, out)
    model = load_model(opt.model)
    worst = [1.0, 0.0]
    if calib == "dense":
        layers = [one for block in blocks_of(model) for one in block]
        stages = [layers]
    else:
        stages = list(blocks_of(model))
    for layers in stages:
        inputs = inputs_of(model, layers, windows)
        for name, module in layers:
            theirs = prune(weight_of(module).double(), inputs[name], how)
            agree, apart = compare(name, module, ours, theirs)
            worst = [min(worst[0], agree), max(worst[1], apart)]
            set_weight(module, theirs)
    ppl = perplexity(model, windows), perplexity(load_model(out), windows)
    good = worst[0] >= 0.999 and worst[1] <= 1e-4 and abs(ppl[1] / ppl[0] - 1) <= 0.01
    print(f"{criterion:10} {sparsity:4} {calib:11} {peer:8} mask {100 * worst[0]:9.4f} %  "
          f"weights {worst[1]:8.1e}  perplexity {ppl[1]:.4f} (theirs {ppl[0]:.4f})"
          f"{'' if good else '  BAD'}", flush=True)
    return good


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--knlp", default="./knlp")
    p.add_argument("--data", required=True)
    p.add_argument("--length", type=int, default=64)
    p.add_argument("--wanda", type=pathlib.Path)
    p.add_argument("--sparsegpt", type=pathlib.Path)
    p.add_argument("model")
    opt = p.parse_args()
    windows = windows_of(tokens_of(opt.data), opt.length)
    runs = [("wanda", "here", wanda), ("sparsegpt", "here", sparsegpt)]
    if opt.wanda:
        runs.append(("wanda", "authors", their_wanda(load_module(opt.wanda / "lib",
                                                                 "layerwrapper"))))
    if opt.sparsegpt:
        runs.append(("sparsegpt", "authors", their_sparsegpt(load_module(opt.sparsegpt,
                                                                         "sparsegpt"))))
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for criterion, peer, prune in runs:
            for sparsity in ["0.5", "2:4"]:
                for calib in ["dense", "sequential"]:
                    good &= run(opt, criterion, sparsity, calib, peer, prune, windows, folder)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
