#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do converted models compute what the original does, in transformers and in llama.cpp?

    convert_check.py KNLP LLAMA_CPP MODELS WORK [NAME...]

MODELS is what tiny_hf.py and hf_to_gguf.py made: hf-NAME/ with tokens.json and logits64.npy,
gguf-NAME.gguf.  Each is converted by KNLP in all directions into WORK, and its logits are
compared with those of transformers for the original:

    hf -> gguf            llama.cpp (F32 KV cache), and in fp64 by gguf_oracle.py
    hf -> gguf -> hf      transformers in fp64
    gguf -> hf            transformers in fp64
    hf -> knlp -> gguf    fp64

and the ids that AutoTokenizer of the converted folder, and llama.cpp with the converted
file, give to the texts of tokenizer-test.json.  Prints the rms difference of logits relative
to their rms, one line each.  Exit code 1 if one is above 1e-5 in fp64, or twice what
llama.cpp's own conversion has with llama.cpp.
"""
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 1e-5


def run(*command):
    subprocess.run([str(c) for c in command], check=True)


def fresh(path):
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
    return path


def difference(got, want):
    return float(np.sqrt(np.mean((got - want) ** 2) / np.mean(want ** 2)))


def transformers_logits(folder, ids):
    sys.path.insert(0, str(HERE))
    import tiny_hf
    return tiny_hf.both_logits(str(folder), ids)[1]


def oracle_logits(file, tokens, out):
    run(sys.executable, HERE / "gguf_oracle.py", file, tokens, out)
    return np.load(out)


def llama_logits(llama_cpp, file, tokens, out):
    run(sys.executable, HERE / "llama_reference.py", llama_cpp, "logits", file, tokens, out)
    return np.load(out).astype(np.float64)


class Check:
    def __init__(self, knlp, llama_cpp, models, work):
        self.knlp, self.llama_cpp, self.models, self.work = knlp, llama_cpp, models, work
        self.failed = []

    def convert(self, source, name, *options):
        out = fresh(self.work / name)
        run(self.knlp, "convert", "-q", source, out, *options)
        return out

    def judge(self, name, what, got, limit):
        ok = got <= limit
        print(f"{name:14} {what:32} {got:9.2e} (at most {limit:.1e}) {'' if ok else 'FAILED'}",
              flush=True)
        if not ok:
            self.failed.append((name, what))

    def tokens(self, name, folder, hf):
        import transformers
        if not (folder / "tokenizer.json").exists():
            return
        tests = json.loads((folder / "tokenizer-test.json").read_text())
        tok = transformers.AutoTokenizer.from_pretrained(hf)
        wrong = sum(tok.encode(t["text"]) != t["ids"] for t in tests)
        self.judge(name, f"hf tokenizer, {len(tests)} texts", wrong, 0)

    def model(self, name):
        folder, file = self.models / f"hf-{name}", self.models / f"gguf-{name}.gguf"
        tokens = folder / "tokens.json"
        ids = json.loads(tokens.read_text())
        want, out = np.load(folder / "logits64.npy"), self.work / "logits.npy"
        theirs = difference(np.load(folder / "llama-logits.npy").astype(np.float64), want)
        bf16 = name.endswith("bf16")

        gguf = self.convert(folder, f"{name}.gguf")
        self.judge(name, "hf -> gguf, fp64", difference(oracle_logits(gguf, tokens, out), want), LIMIT)
        self.judge(name, "hf -> gguf, llama.cpp",
                   difference(llama_logits(self.llama_cpp, gguf, tokens, out), want), 2 * theirs)
        back = self.convert(gguf, f"{name}-back")
        self.judge(name, "hf -> gguf -> hf, transformers",
                   difference(transformers_logits(back, ids), want), LIMIT)
        self.tokens(name, folder, back)
        hf = self.convert(file, f"{name}-hf")
        self.judge(name, "gguf -> hf, transformers",
                   difference(transformers_logits(hf, ids), want), LIMIT)
        if not bf16:
            own = self.convert(folder, f"{name}-knlp", "--format=knlp")
            gguf = self.convert(own, f"{name}-knlp.gguf")
            self.judge(name, "hf -> knlp -> gguf, fp64",
                       difference(oracle_logits(gguf, tokens, out), want), LIMIT)


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__.split("\n\n")[1])
    knlp, llama_cpp, models, work = (pathlib.Path(a).resolve() for a in sys.argv[1:5])
    work.mkdir(parents=True, exist_ok=True)
    names = sys.argv[5:] or sorted(p.name[3:] for p in models.glob("hf-*"))
    check = Check(knlp, llama_cpp, models, work)
    for name in names:
        check.model(name)
    if check.failed:
        sys.exit(f"{len(check.failed)} failed")


main()
