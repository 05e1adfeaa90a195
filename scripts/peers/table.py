#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Joins the outputs of gemm into one Markdown table.

    table.py gemm-LABEL.txt ...

One row per shape, one column per file, GFLOP/s; the load averages seen in
each file are listed below the table.
"""
import os
import re
import sys

ROW = re.compile(r"^(.{20}) +(\d+)x *(\d+)x *(\d+) ([NT]{2}) +\d+x *\d+ +"
                 r"([\d.]+) +([\d.]+)(  WRONG)?$")


def read(path):
    rates, loads = {}, []
    with open(path) as f:
        for line in f:
            m = ROW.match(line.rstrip("\n"))
            if m:
                key = (m[1].strip(), f"{m[2]}x{m[3]}x{m[4]} {m[5]}")
                rates[key] = f"{float(m[6]):.0f}" + ("!" if m[8] else "")
                loads.append(float(m[7]))
    return rates, loads


def main():
    names = [re.sub(r"^gemm-|\.txt$", "", os.path.basename(p))
             for p in sys.argv[1:]]
    files = [read(p) for p in sys.argv[1:]]
    keys = list(dict.fromkeys(k for rates, _ in files for k in rates))
    print("| product | M x N x K | " + " | ".join(names) + " |")
    print("|---|---|" + "--:|" * len(names))
    for k in keys:
        cells = " | ".join(rates.get(k, "-") for rates, _ in files)
        print(f"| {k[0]} | {k[1]} | {cells} |")
    print()
    for name, (_, loads) in zip(names, files):
        if loads:
            print(f"load {name}: {min(loads):.2f}-{max(loads):.2f}")


if __name__ == "__main__":
    main()
