#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""knlp eval against llama-perplexity: perplexity, divergence, HellaSwag.

    eval_check.py [options] MODEL.gguf

Runs both on the same file and compares what they print; exit code 1 if a bound is passed:

    perplexity      |d ln PPL| <= 0.005, activations rounded to 8 bits (--act=q8)
    divergence      of a requantized copy from MODEL: mean KLD within 2 %, with --parity
    HellaSwag       the same choice in 99.5 % of the items (knlp's acc_norm_token).  Beside it
                    is told how often llama.cpp makes the same choice as itself with a cache
                    of another type: rounding activations to 8 bits makes of the smallest
                    difference one of the size of the rounding

With --lm-eval FOLDER, the same weights as a folder of Hugging Face, HellaSwag is asked by
lm-eval instead, and acc_norm's choices with activations in f32 are compared.

llama-perplexity must have llama-hellaswag.patch, which prints the choice of each item, in
the order of the file.  What it printed is kept under --cache and not run again.
"""
import argparse
import bz2
import json
import math
import os
import re
import subprocess
import sys


def run(cmd, env=None):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       errors="replace", env={**os.environ, **(env or {})})
    if p.returncode:
        sys.exit(f"{' '.join(cmd)}: exit code {p.returncode}\n{p.stdout[-2000:]}")
    return p.stdout


class Peer:
    def __init__(self, a):
        self.a = a

    def run(self, name, args, env=None, tool="llama-perplexity"):
        path = os.path.join(self.a.cache, name + ".txt")
        if not os.path.exists(path):
            out = run([os.path.join(self.a.llama, tool)] + args, env)
            with open(path, "w") as f:
                f.write(out)
        with open(path, errors="replace") as f:
            return f.read()


def knlp(a, *args):
    out = run([a.knlp, "eval"] + list(args) + ["-q", "--json", "-t", str(a.threads)])
    return json.loads(out.strip().splitlines()[-1])


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def number(pattern, text):
    found = re.findall(pattern, text)
    if not found:
        sys.exit(f"llama-perplexity did not print {pattern!r}")
    return float(found[-1])


def check(what, ours, theirs, error, bound):
    ok = error <= bound
    print(f"{what:34} {ours:12.6f} {theirs:12.6f}  {error:.5f} of {bound}  "
          f"{'ok' if ok else 'FAILED'}", flush=True)
    return ok


def perplexity(a, peer):
    out = peer.run(f"ppl-{stem(a.model)}-{a.chunks}",
                   ["-m", a.model, "-f", a.text, "--chunks", str(a.chunks),
                    "-t", str(a.threads)])
    theirs = number(r"Final estimate: PPL = ([0-9.]+)", out)
    ours = knlp(a, "ppl", a.model, "--file", a.text, "--limit", str(a.chunks), "--act", "q8")
    ok = check("perplexity", ours["ppl"], theirs, abs(math.log(ours["ppl"] / theirs)), 0.005)
    errors = number(r"Final estimate: PPL = [0-9.]+ \+/- ([0-9.]+)", out)
    return check("  its error, by tokens", ours["ppl_error_tokens"], errors,
                 abs(ours["ppl_error_tokens"] / errors - 1), 0.02) and ok


def divergence(a, peer):
    copy = os.path.join(a.cache, f"{stem(a.model)}-{a.requantize}.gguf")
    if not os.path.exists(copy):
        run([os.path.join(a.llama, "llama-quantize"), "--allow-requantize", a.model, copy,
             a.requantize, str(a.threads)])
    base = os.path.join(a.cache, "base.logits")
    name = f"kld-{stem(a.model)}-{a.requantize}-{a.kld_chunks}"
    if not os.path.exists(os.path.join(a.cache, name + ".txt")):
        run([os.path.join(a.llama, "llama-perplexity"), "-m", a.model, "-f", a.text, "--chunks",
             str(a.kld_chunks), "-t", str(a.threads), "--kl-divergence-base", base])
    out = peer.run(name, ["-m", copy, "--kl-divergence", "--kl-divergence-base", base,
                          "-t", str(a.threads)])
    if os.path.exists(base):
        os.remove(base)
    ours = knlp(a, "kld", copy, "--base", a.model, "--file", a.text, "--limit",
                str(a.kld_chunks), "--act", "q8", "--parity")
    num = r" *: *(-?[0-9.]+)"
    rows = [("mean KLD", ours["kld"], r"Mean +KLD" + num, 1, 0.02),
            ("median KLD", ours["kld_quantiles"]["median"], r"Median +KLD" + num, 1, 0.05),
            ("99 % KLD", ours["kld_quantiles"]["q99"], r"99.0% +KLD" + num, 1, 0.1),
            ("RMS delta p, %", 100 * ours["delta_p_rms"], r"RMS Δp +" + num, 1, 0.02)]
    ok = True
    for what, x, pattern, scale, bound in rows:
        y = number(pattern, out)
        ok &= check(what, x, y, abs(x / y - 1), bound)
    y = number(r"Mean ln\(PPL\(Q\)/PPL\(base\)\)" + num, out)
    ok &= check("ln PPL / PPL base", ours["ln_ratio"], y, abs(ours["ln_ratio"] - y), 0.005)
    y = number(r"Same top p" + num, out)
    return check("same top token, %", 100 * ours["same_top"], y,
                 abs(100 * ours["same_top"] - y), 0.5) and ok


def peer_choices(out, nr):
    theirs = [int(m.group(1)) for m in re.finditer(r"^item\t\d+\t(\d)\t", out, re.M)]
    if len(theirs) != nr:
        sys.exit(f"llama-perplexity printed {len(theirs)} items, not {nr}")
    return theirs


def share_same(x, y):
    return sum(i == j for i, j in zip(x, y)) / len(x)


def ask_knlp(a, plain, act):
    dump = os.path.join(a.cache, "dump.jsonl")
    if os.path.exists(dump):
        os.remove(dump)  # of a run before; knlp overwrites none
    knlp(a, "hellaswag", a.model, "--file", plain, "--act", act, "--dump", dump)
    with open(dump) as f:
        return [json.loads(line) for line in f][1:]


def choices(items, key):
    return [max(range(4), key=lambda c, i=i: i[key][c]) for i in items]


def hellaswag(a, peer):
    plain = os.path.join(a.cache, "hellaswag.txt")
    opener = bz2.open if a.hellaswag.endswith(".bz2") else open
    with opener(a.hellaswag, "rt", encoding="utf-8") as f, open(plain, "w") as g:
        g.writelines(line for i, line in enumerate(f) if i < 6 * a.items)
    if a.lm_eval:
        return hellaswag_lm_eval(a, plain)
    name = f"hellaswag-{stem(a.model)}-{a.items}"
    args = ["-m", a.model, "-f", plain, "--hellaswag", "--hellaswag-tasks", str(a.items),
            "-t", str(a.threads)]
    items = {"HELLASWAG_ITEMS": "1"}
    theirs = peer_choices(peer.run(name, args, items), a.items)
    other = peer_choices(peer.run(name + "-f32-cache", args + ["-ctk", "f32", "-ctv", "f32",
                                                               "-fa", "off"], items), a.items)
    answers = ask_knlp(a, plain, "q8")
    ours = choices(answers, "log_p_token")
    acc = [share_same(c, [i["gold"] for i in answers]) for c in (ours, theirs)]
    print(f"HellaSwag, right by token: knlp {100 * acc[0]:.2f} %, llama.cpp {100 * acc[1]:.2f} %")
    same, own = share_same(ours, theirs), share_same(other, theirs)
    print(f"HellaSwag, llama.cpp with another type of cache makes the same choice as it in "
          f"{100 * own:.2f} %")
    return check("HellaSwag, same choices", same, own, 1 - same, 0.005)


def hellaswag_lm_eval(a, plain):
    """The same weights in transformers, scored by lm-eval."""
    import torch
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM
    torch.set_num_threads(a.threads)
    lm = HFLM(pretrained=a.lm_eval, dtype="float32", batch_size=4, device="cpu")
    with open(plain, encoding="utf-8") as f:
        lines = f.read().split("\n")
    asked = []
    for i in range(a.items):
        six = lines[6 * i:6 * i + 6]
        asked += [Instance("loglikelihood", {}, (six[0], " " + e), 4 * i) for e in six[2:]]
    lls = [r[0] for r in lm.loglikelihood(asked, disable_tqdm=True)]
    answers = ask_knlp(a, plain, "f32")
    theirs, worst = [], 0.0
    for i, answer in enumerate(answers):
        ll, ends = lls[4 * i:4 * i + 4], lines[6 * i + 2:6 * i + 6]
        theirs.append(max(range(4), key=lambda c: ll[c] / len(ends[c])))
        worst = max(worst, *(abs(x - y) for x, y in zip(answer["log_p"], ll)))
    same = share_same(choices(answers, "log_p_char"), theirs)
    print(f"HellaSwag, largest difference of a ln p: {worst:.5f}")
    return check("HellaSwag, same choices as lm-eval", same, 1, 1 - same, 0.005)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("--knlp", default="./knlp")
    p.add_argument("--llama", required=True, help="folder of llama-perplexity")
    p.add_argument("--text", required=True, help="wikitext2-test.raw")
    p.add_argument("--hellaswag", help="file of six lines an item, plain or .bz2")
    p.add_argument("--lm-eval", metavar="FOLDER")
    p.add_argument("--cache", default="eval-check")
    p.add_argument("--requantize", default="Q4_0")
    p.add_argument("--chunks", type=int, default=40)
    p.add_argument("--kld-chunks", type=int, default=8)
    p.add_argument("--items", type=int, default=2000)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--only", choices=["ppl", "kld", "hellaswag"])
    a = p.parse_args()
    os.makedirs(a.cache, exist_ok=True)
    peer = Peer(a)
    print(f"{'':34} {'knlp':>12} {'llama.cpp':>12}  difference")
    ok = True
    if a.only in (None, "ppl"):
        ok &= perplexity(a, peer)
    if a.only in (None, "kld"):
        ok &= divergence(a, peer)
    if a.hellaswag and a.only in (None, "hellaswag"):
        ok &= hellaswag(a, peer)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
