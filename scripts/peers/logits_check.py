#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How far are logits from the exact ones, knlp's and llama.cpp's?

    logits_check.py --knlp KNLP [--llama LLAMA_CPP] [--other KNLP] (--ids IDS.json | --text FILE)
                    MODEL.gguf...

Exact is gguf_oracle.py: the file's weights dequantized, all else in fp64.  The tokens are
those of IDS.json, or the first --count (64) of FILE as knlp tokenizes it for the model.  knlp
runs with activations in f32 and as --act=q8 rounds them, llama.cpp with an F32 cache and
without flash attention, all with --threads (2).

Prints a line for each model: the root mean square of the exact logits, and that of the
errors; then how far knlp --act=q8 is from llama.cpp, and from itself as OTHER has it (say, of
a build without CONFIG_CPU_AVX512, which only adds in another order): the root mean square,
and that of the token where it is least.  Exit code 1 if knlp's, in f32, is larger than llama.cpp's and than what 32 roundings
to f32 are of such logits: files in F32, for which llama.cpp rounds nothing else either, are
not decided by whose sums are luckier.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import gguf_oracle

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 32 * 2.0 ** -24


def rms(x):
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def apart(x, y):
    return f"{rms(x - y):9.2e} {min(rms(d) for d in x - y):9.2e}"


class Check:
    def __init__(self, args, work):
        self.args, self.work = args, pathlib.Path(work)

    def ids(self, model):
        if self.args.ids:
            return json.loads(pathlib.Path(self.args.ids).read_text(encoding="utf-8"))
        out = subprocess.run([self.args.knlp, "tokenize", "--model", model, "--add-special",
                              "--file", self.args.text], check=True, capture_output=True)
        return [int(i) for i in out.stdout.split()[:self.args.count]]

    def knlp(self, model, act, program=None):
        out = self.work / "knlp.npy"
        subprocess.run([program or self.args.knlp, "eval", "logits", "-q", "-t", str(self.args.threads),
                        "--act", act, "--tokens", self.work / "ids.json", "--out", out, model],
                       check=True)
        return np.load(out)

    def llama(self, model):
        out = self.work / "llama.npy"
        subprocess.run([sys.executable, HERE / "llama_reference.py", self.args.llama, "logits",
                        model, self.work / "ids.json", out, "--threads", str(self.args.threads)],
                       check=True)
        return np.load(out)

    def model(self, model):
        ids = self.ids(model)
        (self.work / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
        want = gguf_oracle.Model(model).logits(ids)
        f32 = rms(self.knlp(model, "f32") - want)
        mine = self.knlp(model, "q8")
        llama = self.llama(model) if self.args.llama else np.full_like(mine, np.nan)
        other = (self.knlp(model, "q8", self.args.other) if self.args.other
                 else np.full_like(mine, np.nan))
        q8, theirs = rms(mine - want), rms(llama - want)
        ok = f32 <= theirs or f32 <= LIMIT * rms(want)
        print(f"{pathlib.Path(model).name:36} {len(ids):4} {rms(want):8.3f} {f32:9.2e} {q8:9.2e}"
              f" {theirs:9.2e} {apart(mine, llama)} {apart(mine, other)}{'' if ok else ' FAILED'}", flush=True)
        return ok


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--knlp", required=True)
    p.add_argument("--llama")
    p.add_argument("--other")
    p.add_argument("--ids")
    p.add_argument("--text")
    p.add_argument("--count", type=int, default=64)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("models", nargs="+", metavar="MODEL.gguf")
    args = p.parse_args()
    if bool(args.ids) == bool(args.text):
        p.error("one of --ids and --text")
    print(f"{'model':36} {'ids':>4} {'logits':>8} {'knlp f32':>9} {'knlp q8':>9} {'llama.cpp':>9}"
          f" {'apart':>9} {'least':>9} {'other':>9} {'least':>9}")
    with tempfile.TemporaryDirectory() as work:
        check = Check(args, work)
        failed = [m for m in args.models if not check.model(m)]
    if failed:
        sys.exit(f"{len(failed)} failed")


if __name__ == "__main__":
    main()
