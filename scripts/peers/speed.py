#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""knlp and llama.cpp on the same GGUF files, in turns: prefill, decode, perplexity.

    speed.py --llama BIN... --text wikitext2-test.raw [options] MODEL.gguf...

Each round runs every program once on every file, one after the other, so that a busy moment
strikes all alike; figures are medians over the rounds, in tokens per second, and how many
times as fast knlp is the median of the rounds' own ratios:

    prefill     a prompt of 512, its last logits
    decode      32 tokens behind one another, from an empty cache on
    perplexity  chunks of 512 of the text.  Of llama-perplexity only the time from the first
                chunk on counts, of knlp loading and tokenizing as well

knlp runs with activations rounded to 8 bits and a cache in f16, as llama.cpp does, and again in
f32, its default; perplexity needs no cache.  llama.cpp runs without and with flash attention
(--fa) by the programs of each folder BIN, such as one built without and one with BLAS, and
the table compares knlp with the best of all these, chosen by its median.

Every figure goes to --out as a line of JSON with the load average before it.  Lines that are
there already are not measured again, so that a run that was stopped goes on.  The table says the
largest load: above the number of threads, what else ran is in the figures.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

MEASURES = ["prefill", "decode", "perplexity"]


def options():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", nargs="+", metavar="MODEL.gguf")
    p.add_argument("--knlp", default="./knlp")
    p.add_argument("--llama", nargs="+", required=True, metavar="BIN",
                   help="folders of llama-bench and llama-perplexity")
    p.add_argument("--text", help="of the perplexity; none: it is not measured")
    p.add_argument("--fa", nargs="+", default=["off", "on"], choices=["off", "on"])
    p.add_argument("--only", nargs="+", default=MEASURES, choices=MEASURES)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--prompt", type=int, default=512)
    p.add_argument("--decode", type=int, default=32)
    p.add_argument("--chunks", type=int, default=4, help="of the perplexity")
    p.add_argument("--out", default="speed.jsonl", help="the raw figures")
    a = p.parse_args()
    if not a.text:
        a.only = [m for m in a.only if m != "perplexity"]
    return a


def run(command):
    """Its output, stderr with it, and how long it took."""
    start = time.monotonic()
    p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       errors="replace")
    seconds = time.monotonic() - start
    if p.returncode:
        sys.exit(f"{' '.join(command)}: exit code {p.returncode}\n{p.stdout[-2000:]}")
    return p.stdout, seconds


def last_json(text):
    lines = [line for line in text.splitlines() if line.startswith("{")]
    if not lines:
        sys.exit(f"no JSON in:\n{text[-2000:]}")
    return json.loads(lines[-1])


# ---- the two programs -----------------------------------------------------------------------

def knlp(a, model, measure, act):
    common = ["--act", act, "-t", str(a.threads), "-q", "--json", model]
    if measure == "perplexity":
        out, seconds = run([a.knlp, "eval", "ppl", "--file", a.cut, "--limit", str(a.chunks),
                            *common])
        if last_json(out)["items"] != a.chunks:
            sys.exit(f"{a.text}: too short for {a.chunks} chunks")
        return 512 * a.chunks / seconds
    common += ["--kv", "f16" if act == "q8" else "f32"]
    if measure == "prefill":
        out, _ = run([a.knlp, "bench", "prefill", "--tokens", str(a.prompt), "--repeat", "2",
                      "--warmup", "1", *common])
    else:
        out, _ = run([a.knlp, "bench", "decode", "--tokens", str(a.decode), "--context", "1",
                      *common])
    answer = last_json(out)
    return answer["tokens_per_s"], answer.get("share_of_bandwidth")


def clock(log, what):
    """When llama.cpp logged @what, in seconds: lines begin with minutes.seconds.ms.us."""
    found = re.search(r"^(\d+)\.(\d+)\.(\d+)\.(\d+) . .*" + what, log, re.M)
    if not found:
        sys.exit(f"llama-perplexity did not log '{what}':\n{log[-2000:]}")
    m, s, ms, us = map(int, found.groups())
    return 60 * m + s + ms / 1e3 + us / 1e6


def llama(a, model, measure, folder, fa):
    threads = ["-t", str(a.threads), "-m", model, "-fa"]
    if measure == "perplexity":
        out, _ = run([os.path.join(folder, "llama-perplexity"), *threads, fa, "-f", a.cut,
                      "--chunks", str(a.chunks), "-c", "512"])
        return 512 * a.chunks / (clock(out, "Final estimate") - clock(out, "calculating"))
    size = ["-p", str(a.prompt), "-n", "0", "-r", "2"] if measure == "prefill" else \
        ["-p", "0", "-n", str(a.decode), "-r", "1"]
    out, _ = run([os.path.join(folder, "llama-bench"), *threads, "1" if fa == "on" else "0",
                  *size, "-o", "jsonl"])
    return last_json(out)["avg_ts"]


def sides(a):
    """Names of what is compared and functions of model and measure."""
    found = {f"knlp {act}": (lambda m, what, act=act: knlp(a, m, what, act))
             for act in ("q8", "f32")}
    for folder in a.llama:
        build = os.path.basename(os.path.dirname(os.path.abspath(folder)))
        for fa in a.fa:
            found[f"{build}, fa {fa}"] = \
                lambda m, what, folder=folder, fa=fa: llama(a, m, what, folder, fa)
    return found


# ---- figures -------------------------------------------------------------------------------

def measure(a):
    """All figures: (file, measure, side) to a list, and the largest load."""
    figures, shares, loads, done = {}, {}, [], set()

    def take(entry):
        key = entry["file"], entry["measure"], entry["side"]
        done.add((entry["round"], *key))
        figures.setdefault(key, []).append(entry["tokens_per_s"])
        if entry.get("share_of_bandwidth"):
            shares.setdefault(key, []).append(entry["share_of_bandwidth"])
        loads.append(entry["load"])

    if os.path.exists(a.out):
        with open(a.out) as f:
            for line in f:
                take(json.loads(line))
    for turn in range(a.rounds):
        for model in a.models:
            for what in a.only:
                for side, ask in sides(a).items():
                    name = os.path.basename(model)
                    if (turn, name, what, side) in done:
                        continue
                    load = os.getloadavg()[0]
                    rate = ask(model, what)
                    rate, share = rate if isinstance(rate, tuple) else (rate, None)
                    entry = {"round": turn, "file": name, "measure": what, "side": side,
                             "tokens_per_s": rate, "share_of_bandwidth": share, "load": load}
                    with open(a.out, "a") as f:
                        print(json.dumps(entry), file=f)
                    take(entry)
                    print(f"{turn} {name} {what} {side}: {rate:.2f} (load {load:.2f})",
                          file=sys.stderr)
    return figures, shares, max(loads)


def table(a, figures, shares, load):
    print(f"Tokens per second, {a.threads} threads, medians of {a.rounds} rounds; largest load "
          f"{load:.2f} (the programs' own threads count)\n")
    print("| file | what | knlp q8 | knlp f32 | llama.cpp, best | its setting | knlp q8 / best "
          "| of the bandwidth |")
    print("|---|---|--:|--:|--:|---|--:|--:|")
    for model in a.models:
        for what in a.only:
            name = os.path.basename(model)
            median = {side: statistics.median(figures[name, what, side]) for side in sides(a)}
            ours = median.pop("knlp q8"), median.pop("knlp f32")
            best = max(median, key=median.get)
            times = statistics.median(
                a / b for a, b in zip(figures[name, what, "knlp q8"], figures[name, what, best]))
            share = shares.get((name, what, "knlp q8"))
            print(f"| {name} | {what} | {ours[0]:.2f} | {ours[1]:.2f} | {median[best]:.2f} "
                  f"| {best} | {times:.2f} "
                  f"| {f'{100 * statistics.median(share):.0f} %' if share else ''} |")


def main():
    a = options()
    with tempfile.TemporaryDirectory() as folder:
        # No more of the text than is needed: both programs tokenize all of it.
        a.cut = os.path.join(folder, "text")
        if a.text:
            with open(a.text, "rb") as f, open(a.cut, "wb") as g:
                g.write(f.read(a.chunks * 512 * 8))
        table(a, *measure(a))


if __name__ == "__main__":
    main()
