# SPDX-License-Identifier: MIT
"""Writes golden files: safetensors whose bytes depend on nothing but what is in them.

The safetensors package orders the metadata at random; this keeps the order of the
caller, so that a file made again is the same file.
"""
import json
import os
import struct

import torch

TYPES = {torch.float64: "F64", torch.float32: "F32", torch.int64: "I64", torch.int32: "I32",
         torch.bfloat16: "BF16"}


def save(path, tensors, metadata):
    """tensors: name -> CPU tensor; metadata: name -> str."""
    header, data, at = {}, [], 0
    # By falling element size, so that every tensor is aligned.
    for name, t in sorted(tensors.items(), key=lambda kv: -kv[1].element_size()):
        raw = t.detach().contiguous()
        if t.dtype == torch.bfloat16:
            raw = raw.view(torch.int16)  # numpy knows no bf16
        raw = raw.numpy().tobytes()
        header[name] = {"dtype": TYPES[t.dtype], "shape": list(t.shape),
                        "data_offsets": [at, at + len(raw)]}
        at += len(raw)
        data.append(raw)
    text = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".tmp", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(data))
    os.replace(path + ".tmp", path)
    print(f"{path}: {len(tensors)} tensors, {8 + len(text) + at} bytes")
