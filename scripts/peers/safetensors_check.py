#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do knlp and the safetensors package of Python read each other's files?

    safetensors_check.py write FILE     write tensors of all types that both know
    safetensors_check.py dump FILE      print name, type, shape and checksum of each

Needs: pip install safetensors numpy.  To compare, copy a file through knlp and dump
both; the lines must be equal.  With no argument: the package against itself.
"""
import hashlib
import json
import struct
import sys
import tempfile

import numpy
from safetensors import safe_open
from safetensors.numpy import save_file


def tensors():
    rng = numpy.random.default_rng(1)
    types = [numpy.float32, numpy.float64, numpy.float16, numpy.int64, numpy.int32,
             numpy.uint16, numpy.uint8]
    out = {f"t.{numpy.dtype(t).name}": (rng.normal(size=(3, 5)) * 100).astype(t)
           for t in types}
    out["scalar"] = numpy.array(0.1, dtype=numpy.float64)
    out["empty"] = numpy.zeros((0, 7), dtype=numpy.float32)
    out["odd"] = numpy.arange(7, dtype=numpy.uint8)     # leaves what follows unaligned
    out["name \"with\" \u00e9 \\ quotes"] = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
    return out


def dump(path):
    # bfloat16 is unknown to numpy, so take the bytes as the header places them.
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(length))
        data = f.read()
    with safe_open(path, framework="numpy") as f:
        names = sorted(f.keys())            # the package has checked the file
        print("metadata", json.dumps(f.metadata() or {}, sort_keys=True))
    assert names == sorted(k for k in header if k != "__metadata__")
    for name in names:
        t = header[name]
        begin, end = t["data_offsets"]
        digest = hashlib.sha256(data[begin:end]).hexdigest()[:16]
        print(json.dumps(name), t["dtype"], t["shape"], digest)


def main():
    if len(sys.argv) == 1:
        with tempfile.NamedTemporaryFile(suffix=".safetensors") as f:
            save_file(tensors(), f.name, metadata={"format": "np"})
            dump(f.name)
    elif sys.argv[1:2] == ["write"] and len(sys.argv) == 3:
        save_file(tensors(), sys.argv[2], metadata={"format": "np", "note": "caf\u00e9 \"x\""})
    elif sys.argv[1:2] == ["dump"] and len(sys.argv) == 3:
        dump(sys.argv[2])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
