#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Importance matrices of knlp and of llama-imatrix for the same chunks of a text.

    python imatrix_check.py --knlp KNLP --llama BIN --text FILE [--chunks N] [--context N] MODEL.gguf...

BIN is the folder of llama-imatrix and llama-quantize.  For each model: are keys, names and counts
the same; the largest and the root mean square difference of an entry, relative to the entry, or
to 1e-9 of its matrix's mean where that is more, which is knlp's floor; does llama-quantize
take knlp's file, and which share of the bytes that it writes differs from what it makes of
llama-imatrix's.  Exits with 1 if something does not agree.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np
from gguf import GGUFReader

FLOOR = 1e-9


def read(path):
    reader = GGUFReader(path)
    keys = {}
    for key in ("general.type", "imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size"):
        keys[key] = reader.get_field(key).contents()
    names = [t.name for t in reader.tensors]
    return keys, names, {t.name: np.array(t.data, np.float64).ravel() for t in reader.tensors}


def differences(ours, theirs):
    """Relative differences of all entries, and the matrix with the largest."""
    every, worst = [], ("", 0.0)
    for name in theirs:
        a, b = ours[name], theirs[name]
        if name.endswith(".counts"):
            continue
        d = np.abs(a - b) / np.maximum(b, FLOOR * b.mean())
        every.append(d)
        if d.max() > worst[1]:
            worst = (name, d.max())
    return np.concatenate(every), worst


def run(*command, **more):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)


def differing(a, b):
    x, y = (np.fromfile(p, np.uint8) for p in (a, b))
    return np.count_nonzero(x != y) / len(x) if len(x) == len(y) else 1


def check(args, model, folder):
    # Names of one length: quantized files name them, and offsets stay the same.
    mine, yours = os.path.join(folder, "a.gguf"), os.path.join(folder, "b.gguf")
    env = dict(os.environ, LD_LIBRARY_PATH=args.llama)
    size = str(args.context)
    run(args.knlp, "imatrix", model, "--file", args.text, "--out", mine, "--context", size,
        "--chunks", str(args.chunks))
    run(os.path.join(args.llama, "llama-imatrix"), "-m", model, "-f", args.text, "-o", yours,
        "-c", size, "-b", size, "-ub", size, "--chunks", str(args.chunks), "--no-ppl",
        "-fa", "off", "-ctk", "f32", "-ctv", "f32", env=env)
    keys, names, ours = read(mine)
    their_keys, their_names, theirs = read(yours)
    if keys != their_keys or names != their_names:
        print(f"{model}: keys or names differ: {keys} {their_keys}", file=sys.stderr)
        return False
    counts = all(np.array_equal(ours[n], theirs[n]) for n in names if n.endswith(".counts"))
    every, worst = differences(ours, theirs)
    files = []
    for imatrix in (mine, yours):
        files.append(imatrix + ".quantized")
        run(os.path.join(args.llama, "llama-quantize"), "--allow-requantize", "--imatrix", imatrix,
            model, files[-1], args.type, env=env)
    share = differing(*files)
    print(f"| {os.path.basename(model)} | {len(names) // 2} | {len(every)} | "
          f"{np.sqrt(np.mean(every ** 2)):.1e} | {every.max():.1e} | {100 * share:.2g} % |")
    if every.max() > args.bound:
        print(f"{model}: {worst[0]} differs by {worst[1]:.2g}", file=sys.stderr)
    for path in files + [mine, yours]:
        os.unlink(path)
    return counts and every.max() <= args.bound


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--knlp", required=True)
    parser.add_argument("--llama", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--chunks", type=int, default=4)
    parser.add_argument("--context", type=int, default=64)
    parser.add_argument("--type", default="Q4_K_M", help="of the file that is quantized")
    parser.add_argument("--bound", type=float, default=2e-3, help="largest relative difference")
    parser.add_argument("model", nargs="+")
    args = parser.parse_args()
    print("| model | matrices | entries | rms | largest | bytes of the file that differ |")
    print("|---|--:|--:|--:|--:|--:|")
    ok = True
    with tempfile.TemporaryDirectory() as folder:
        for model in args.model:
            ok &= check(args, model, folder)
    sys.exit(not ok)


if __name__ == "__main__":
    main()
