#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/data/formats/sparse: a folder of which some matrices are stored sparse, and
dense.safetensors beside it with the same model dense, both written with numpy
from a dense folder.

usage: golden_sparse.py FOLDER OUT

The q, k, v and o projections become masks in F32, F16, BF16 and F32, the MLP's matrices 2:4 in
F32, F16 and BF16; of layer 1 the MLP stays dense.  Documentation/formats/sparse.md.
"""
import json
import os
import struct
import sys

import numpy as np
from safetensors.torch import load_file

# numpy has no bfloat16: its bits.
TYPES = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16, "U8": np.uint8}
MASKS = {"q_proj": "F32", "k_proj": "F16", "v_proj": "BF16", "o_proj": "F32"}
PAIRS = {"gate_proj": "F32", "up_proj": "F16", "down_proj": "BF16"}


def as_type(x, name):
    if name == "BF16":
        return (x.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return x.astype(TYPES[name])


def mask(x):
    """Bits of what is not 0, rows at whole bytes, and the values."""
    kept = x.view(np.uint16 if x.itemsize == 2 else np.uint32) != 0
    return np.packbits(kept, axis=1, bitorder="little"), x[kept]


def pairs(x, kept):
    """Two of each four: their places, 2 bits each, and the values."""
    rows, cols = x.shape
    place = np.argwhere(kept.reshape(-1, 4))[:, 1].reshape(rows, cols // 4, 2).astype(np.uint8)
    nibble = place[:, :, 0] | place[:, :, 1] << 2
    return nibble[:, 0::2] | nibble[:, 1::2] << 4, x[kept].reshape(rows, cols // 2)


def save(path, tensors):
    header, data, at = {}, [], 0
    for name, (kind, x) in sorted(tensors.items(), key=lambda kv: -kv[1][1].itemsize):
        raw = np.ascontiguousarray(x).tobytes()
        header[name] = {"dtype": kind, "shape": list(x.shape), "data_offsets": [at, at + len(raw)]}
        at += len(raw)
        data.append(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(data))


def main():
    folder, out = sys.argv[1:]
    rng = np.random.default_rng(6)
    sparse, dense = {}, {}
    for name, x in load_file(os.path.join(folder, "model.safetensors")).items():
        part = name.split(".")[-2]
        kind = "F32" if x.ndim == 1 else MASKS.get(part) or PAIRS.get(part) or "F32"
        x = as_type(x.float().numpy(), kind)
        if part in MASKS:
            x[rng.random(x.shape) < 0.6] = 0
            places, values = mask(x)
            sparse[name + ".mask"], sparse[name + ".values"] = ("U8", places), (kind, values)
        elif part in PAIRS and ".layers.0." in name:
            kept = rng.random((x.size // 4, 4)).argsort(axis=1).reshape(x.shape) < 2
            x[~kept] = 0
            places, values = pairs(x, kept)
            sparse[name + ".pairs"], sparse[name + ".values"] = ("U8", places), (kind, values)
        else:
            sparse[name] = (kind, x)
        dense[name] = (kind, x)
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    config["quantization_config"] = {"quant_method": "knlp-sparse"}
    with open(os.path.join(out, "config.json"), "w") as f:
        json.dump(config, f, indent=2)
    save(os.path.join(out, "model.safetensors"), sparse)
    save(os.path.join(out, "dense.safetensors"), dense)


main()
