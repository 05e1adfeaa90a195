#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/data/golden/quant.safetensors: the blocks that ggml makes of weights.

usage: golden_quant.py LIBGGML_BASE MODEL.gguf OUT.safetensors

x: f32 (rows, 768): rows of real tensors of MODEL (f32 or f16), then hard ones.
w.normal, w.zeros: f32 (768), importance of the columns; the second has runs of 0.
TYPE.none, TYPE.normal, TYPE.zeros: u8, ggml_quantize_chunk() of a libggml-base.so.
"""
import ctypes
import sys

import gguf
import numpy as np
from safetensors.numpy import save_file

TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL"]
ROW = 768


def real(path):
    rows = []
    for t in gguf.GGUFReader(path).tensors:
        if t.name in ("blk.0.attn_q.weight", "blk.2.ffn_down.weight", "token_embd.weight"):
            rows.append(np.asarray(t.data).astype(np.float32).reshape(-1)[:ROW])
    assert len(rows) == 3, path
    return rows


def hard(rng):
    normal = rng.standard_normal(ROW)
    rows = [normal, normal * 1e-6, normal * 1e-10, normal * 1e-42, normal * 1e4, np.abs(normal), -np.abs(normal)]
    one = np.zeros(ROW)
    one[::97] = -3.25
    mixed = normal.copy()
    mixed[0:256] = 0
    mixed[256:512] = 0.37
    mixed[512:544] = -0.0
    mixed[560] = 900
    mixed[600:640] = -0.0625
    ties = np.round(normal * 8) / 16
    tails = rng.standard_t(1.5, ROW) * np.repeat(10.0 ** rng.integers(-8, 3, ROW // 16), 16)
    equal = np.where(rng.random(ROW) < 0.5, 1.5, -1.5)
    return [np.asarray(r, np.float32) for r in rows + [one, mixed, ties, tails, equal]]


def main():
    lib = ctypes.CDLL(sys.argv[1])
    lib.ggml_quantize_chunk.restype = ctypes.c_size_t
    rng = np.random.default_rng(7)
    x = np.stack(real(sys.argv[2]) + hard(rng)).astype(np.float32)
    weights = {"normal": (rng.standard_normal(ROW) ** 2).astype(np.float32)}
    zeros = weights["normal"].copy()
    zeros[32:64] = zeros[300:520] = 0
    zeros[::5] = 0
    weights["zeros"] = zeros
    out = {"x": x, "w.normal": weights["normal"], "w.zeros": zeros}
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        for what in ("none", "normal", "zeros"):
            blocks = np.zeros(x.size // elements * size, np.uint8)
            w = weights[what].ctypes.data_as(ctypes.c_void_p) if what in weights else None
            lib.ggml_quantize_chunk(int(kind), x.ctypes.data_as(ctypes.c_void_p),
                                    blocks.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(0),
                                    ctypes.c_int64(len(x)), ctypes.c_int64(ROW), w)
            out[f"{name.lower()}.{what}"] = blocks
    save_file(out, sys.argv[3])


main()
