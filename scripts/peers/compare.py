#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""knlp and PyTorch train the same models, in turns on one machine: who is faster?

    compare.py --knlp ./knlp [--rounds 5] [--steps 5] [--only TEXT] [--out FILE]

Each round runs every side of a case once, one after the other, so that a busy moment
strikes both alike; the figures are medians over the rounds.  PyTorch has its best settings:
compiled, flash attention, fused AdamW, MKL's AVX-512 kernels, tcmalloc (see README.md);
`--installed` adds it as it installs.  Prints a Markdown table.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = {"layers": 6, "heads": 6, "width": 384, "T": 256, "B": 16, "vocab": 257}
GPT2 = {"layers": 12, "heads": 12, "width": 768, "T": 1024, "B": 1, "vocab": 50257}
CASES = [
    ("6x384, T=256, B=16", SMALL, "fp32"),
    ("6x384, T=256, B=16", SMALL, "bf16"),
    ("GPT-2 124M, T=1024, B=1", GPT2, "fp32"),
    ("GPT-2 124M, T=1024, B=1", GPT2, "bf16"),
    ("GPT-2 124M, T=64, B=4", {**GPT2, "T": 64, "B": 4}, "fp32"),
]


def options():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--knlp", default="./knlp")
    p.add_argument("--python", default=sys.executable, help="interpreter that has torch")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--steps", type=int, default=5, help="timed steps in a round")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--only", default="", help="cases whose name and type hold this text")
    p.add_argument("--modes", nargs="+", default=["eager", "compile"], help="of PyTorch")
    p.add_argument("--installed", action="store_true", help="also PyTorch as it installs")
    p.add_argument("--out", help="file for the raw figures, JSON lines")
    return p.parse_args()


def best_preload():
    """MKL takes AVX2 on processors that are not Intel's unless it is told otherwise."""
    folder = tempfile.mkdtemp()
    lib = os.path.join(folder, "mkl.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", lib, "-x", "c", "-"], check=True,
                   input=b"int mkl_serv_intel_cpu_true(void) { return 1; }\n")
    arch = subprocess.check_output(["gcc", "-print-multiarch"], text=True).strip()
    return f"{lib} /usr/lib/{arch}/libtcmalloc_minimal.so.4"


def run_torch(a, shape, dtype, mode, preload):
    command = [a.python, os.path.join(HERE, "torch_train.py"), "--threads", str(a.threads),
               "--steps", str(a.steps), "--dtype", dtype, "--mode", mode]
    for key, value in shape.items():
        command += [f"--{key}", str(value)]
    text = subprocess.check_output(command, text=True, env={**os.environ,
                                                            "LD_PRELOAD": preload})
    got = dict(part.split("=", 1) for part in text.split() if "=" in part)
    return {"ms": float(got["ms"]), "tokens_per_s": float(got["tok/s"]),
            "gflops": float(got["GFLOP/s"]), "rss_mib": float(got["rss_MiB"])}


def run_knlp(a, shape, dtype):
    values = {"MODEL_FAMILY": "gpt2", "MODEL_LAYERS": shape["layers"],
              "MODEL_HEADS": shape["heads"], "MODEL_WIDTH": shape["width"],
              "MODEL_CONTEXT": shape["T"], "MODEL_VOCAB": shape["vocab"],
              "MODEL_DROPOUT": 0, "TRAIN_BATCH": shape["B"], "TRAIN_ACCUM": 1,
              "TRAIN_RECOMPUTE": "none", "TRAIN_DTYPE": {"fp32": "f32"}.get(dtype, dtype)}
    command = [a.knlp, "bench", "train", "--json", "--threads", str(a.threads),
               "--steps", str(a.steps), "--vocab", str(shape["vocab"])]
    for key, value in values.items():
        command += ["--set", f"{key}={value}"]
    got = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
    return {key: got[key] for key in ("tokens_per_s", "gflops", "peak_gflops",
                                      "share_of_peak", "rss_mib")} | {
        "ms": 1e3 * shape["B"] * shape["T"] / got["tokens_per_s"]}


def sides(a, preload):
    yield "knlp", lambda shape, dtype: run_knlp(a, shape, dtype)
    for mode in a.modes:
        yield f"PyTorch {mode}", lambda shape, dtype, m=mode: run_torch(a, shape, dtype, m,
                                                                        preload)
    if a.installed:
        yield "PyTorch as installed", lambda shape, dtype: run_torch(a, shape, dtype, "compile",
                                                                     "")


def measure(a, shape, dtype, preload, log):
    figures = {}
    for number in range(a.rounds):
        for name, run in sides(a, preload):
            before = os.getloadavg()[0]
            got = run(shape, dtype) | {"load": before}
            figures.setdefault(name, []).append(got)
            if log:
                print(json.dumps({"round": number, "side": name, "dtype": dtype, **shape, **got}),
                      file=log, flush=True)
    return figures


def middle(rows, key):
    return statistics.median(row[key] for row in rows)


def main():
    a = options()
    preload = best_preload()
    log = open(a.out, "a", encoding="utf-8") if a.out else None
    print("| model | dtype | side | ms | tok/s | GFLOP/s | share of peak | RSS, MiB | load |")
    print("|---|---|---|--:|--:|--:|--:|--:|--:|")
    for name, shape, dtype in CASES:
        if a.only not in f"{name} {dtype}":
            continue
        figures = measure(a, shape, dtype, preload, log)
        for side, rows in figures.items():
            share = f"{100 * middle(rows, 'share_of_peak'):.0f} %" \
                if "share_of_peak" in rows[0] else ""
            loads = [row["load"] for row in rows]
            print(f"| {name} | {dtype} | {side} | {middle(rows, 'ms'):.0f} | "
                  f"{middle(rows, 'tokens_per_s'):.0f} | {middle(rows, 'gflops'):.0f} | "
                  f"{share} | {middle(rows, 'rss_mib'):.0f} | "
                  f"{min(loads):.1f}-{max(loads):.1f} |")
        best = max(middle(rows, "tokens_per_s") for side, rows in figures.items()
                   if side != "knlp")
        memory = min(middle(rows, "rss_mib") for side, rows in figures.items()
                     if side != "knlp")
        print(f"| {name} | {dtype} | **knlp / best PyTorch** | | "
              f"**{middle(figures['knlp'], 'tokens_per_s') / best:.2f}** | | | "
              f"**{middle(figures['knlp'], 'rss_mib') / memory:.2f}** | |", flush=True)


if __name__ == "__main__":
    main()
