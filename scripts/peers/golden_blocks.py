#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/data/golden/blocks.safetensors: what blocks of each type mean to gguf-py, and what
ggml's own functions round activations to.

usage: golden_blocks.py OUT [LIBGGML_CPU]

TYPE.blocks: u8, random bytes but for the f16 scales, which are normal numbers * 0.05.
TYPE.values: f32, gguf.quants.dequantize() of them.
act.x: f32 (4, 256), normal numbers with outliers, one block of zeros, ties.
act.q8_0, act.q8_K: f32, quantize_row_q8_0() and quantize_row_q8_K() of a libggml-cpu.so,
codes times scales; they are kept from the old file if no library is given.
"""
import ctypes
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T
from safetensors.numpy import load_file, save_file

# type: (bytes, elements, offsets of f16 scales, offsets of f16 minima)
TYPES = {
    "Q4_0": (18, 32, [0]), "Q4_1": (20, 32, [0, 2]), "Q5_0": (22, 32, [0]), "Q5_1": (24, 32, [0, 2]),
    "Q8_0": (34, 32, [0]), "IQ4_NL": (18, 32, [0]), "Q2_K": (84, 256, [80, 82]), "Q3_K": (110, 256, [108]),
    "Q4_K": (144, 256, [0, 2]), "Q5_K": (176, 256, [0, 2]), "Q6_K": (210, 256, [208]),
}


def blocks(rng, size, offsets, count):
    raw = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in offsets:
        scale = (rng.standard_normal(count) * 0.05).astype(np.float16)
        raw[:, at:at + 2] = scale.view(np.uint8).reshape(count, 2)
    return raw


def activations(rng):
    x = rng.standard_normal((4, 256)).astype(np.float32)
    x[1, 7] = -40
    x[2, 32:64] = 0
    x[3] = np.round(x[3] * 32) / 2
    x[3, ::32] = 127
    return x


def rounded(lib, name, x, block, scale_type, at_codes, size):
    raw = np.zeros(x.size // block * size, np.uint8)
    getattr(lib, name)(x.ctypes.data_as(ctypes.c_void_p), raw.ctypes.data_as(ctypes.c_void_p),
                       ctypes.c_int64(x.size))
    raw = raw.reshape(-1, size)
    scale = raw[:, :np.dtype(scale_type).itemsize].copy().view(scale_type).astype(np.float32)
    codes = raw[:, at_codes:at_codes + block].copy().view(np.int8).astype(np.float32)
    return (codes * scale).astype(np.float32).reshape(x.shape)


def main():
    rng = np.random.default_rng(4)
    out = {}
    for name, (size, elements, offsets) in TYPES.items():
        raw = blocks(rng, size, offsets, 2 if elements == 256 else 8)
        out[name.lower() + ".blocks"] = raw
        out[name.lower() + ".values"] = gguf.quants.dequantize(raw, T[name]).astype(np.float32)
    out["act.x"] = x = activations(rng)
    if len(sys.argv) > 2:
        lib = ctypes.CDLL(sys.argv[2])
        out["act.q8_0"] = rounded(lib, "quantize_row_q8_0", x, 32, np.float16, 2, 34)
        out["act.q8_K"] = rounded(lib, "quantize_row_q8_K", x, 256, np.float32, 4, 292)
    else:
        old = load_file(sys.argv[1])
        out["act.q8_0"], out["act.q8_K"] = old["act.q8_0"], old["act.q8_K"]
    save_file(out, sys.argv[1])


main()
