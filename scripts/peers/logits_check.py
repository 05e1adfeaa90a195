#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The logits of knlp against an oracle in fp64 and llama.cpp, and against itself.

    logits_check.py --llama LLAMA_CPP --ids IDS.json [--tree .] MODEL.gguf...

A row of the table for each model, root mean squares over all logits of the text:

    f32, q8      knlp's error against the oracle, activations in f32 and rounded to 8 bits
    llama        llama.cpp's (a cache in f32, no flash attention)
    q8 - llama   how far the two are apart, and the same at the token where it is least: when
                 both round alike, tokens at which no number fell on the other side of a half
                 differ by the order of sums only, about 1e-6
    q8 - avx2    knlp and knlp that may use AVX2 at most: nothing but the order of sums differs

TREE is a built tree of knlp.  What oracle and llama.cpp answer is kept under --cache as
NAME-oracle.npy and NAME-llama.npy.
"""
import argparse
import json
import os
import re
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def build(a):
    """Links logits.c with the objects that knlp was linked of, but for its main()."""
    with open(os.path.join(a.tree, ".knlp.cmd"), encoding="utf-8") as f:
        command = f.read()
    objects = [o for o in re.findall(r"\S+\.o\b", command) if o != "tools/knlp.o"]
    libraries = re.findall(r"\s(-l\S+)", command)
    path = os.path.abspath(os.path.join(a.cache, "logits"))
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-pthread", "-Icore", "-I.",
                    "-Iinclude/generated", "-include", "core/base/kconfig.h", "-o", path,
                    os.path.join(HERE, "logits.c"), *objects, "-rdynamic", "-Wl,--gc-sections",
                    *libraries], cwd=a.tree, check=True)
    return path


def knlp(a, model, ids, act, level):
    out = os.path.join(a.cache, "logits.bin")
    subprocess.run([os.path.join(a.cache, "logits"), model, act, level, out, *map(str, ids)],
                   check=True)
    return np.fromfile(out, np.float32).reshape(len(ids), -1).astype(np.float64)


def cached(a, model, what, command):
    name = os.path.splitext(os.path.basename(model))[0]
    path = os.path.join(a.cache, f"{name}-{what}.npy")
    if not os.path.exists(path):
        subprocess.run([sys.executable, *command, path], check=True, stdout=subprocess.DEVNULL)
    return np.load(path).astype(np.float64)


def rms(x, axis=None):
    return np.sqrt((x ** 2).mean(axis))


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", nargs="+")
    p.add_argument("--llama", required=True, help="the folder that build_llama.sh made")
    p.add_argument("--ids", required=True, help="a list of token ids in JSON")
    p.add_argument("--tree", default=".")
    p.add_argument("--cache", default="logits-check")
    a = p.parse_args()
    os.makedirs(a.cache, exist_ok=True)
    build(a)
    with open(a.ids, encoding="utf-8") as f:
        ids = json.load(f)
    print("| model | f32 | q8 | llama | q8 - llama | at the least | q8 - avx2 | at the least |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for model in a.models:
        oracle = cached(a, model, "oracle", [os.path.join(HERE, "gguf_oracle.py"), model, a.ids])
        llama = cached(a, model, "llama", [os.path.join(HERE, "llama_reference.py"), a.llama,
                                           "logits", model, a.ids])
        q8 = knlp(a, model, ids, "q8", "all")
        avx2 = knlp(a, model, ids, "q8", "avx2")
        f32 = knlp(a, model, ids, "f32", "all")
        figures = [rms(f32 - oracle), rms(q8 - oracle), rms(llama - oracle), rms(q8 - llama),
                   rms(q8 - llama, 1).min(), rms(q8 - avx2), rms(q8 - avx2, 1).min()]
        print(f"| {os.path.basename(model)} | " + " | ".join(f"{x:.1e}" for x in figures) + " |",
              flush=True)


if __name__ == "__main__":
    main()
