#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What llama.cpp answers: token ids and logits, through its library.

    llama_reference.py LLAMA_CPP tokens MODEL TEXT OUT.u32
    llama_reference.py LLAMA_CPP vectors MODEL TEXT.inp OUT.json
    llama_reference.py LLAMA_CPP logits MODEL TOKENS.json OUT.npy [--kv f32] [--fa on] [--one]

LLAMA_CPP is the folder that build_llama.sh made (the one with build/).

tokens   of a whole file, as llama-perplexity takes them: one newline at the end removed,
         BOS where the model adds it, special tokens in the text not recognized; little-
         endian 32-bit integers
vectors  of the parts of one of llama.cpp's .inp files: a list of lists, no BOS
logits   of every token of a list of ids, in one batch (--one: token by token), float32;
         the KV cache in --kv f32 (default), f16 or q8_0; flash attention --fa off (default)
         or on.  --threads N (2), --build FOLDER (build): which of the libraries

Needs numpy and typing_extensions.
"""
import argparse
import ctypes
import importlib
import json
import os
import pathlib
import sys
import types

import numpy as np

SEPARATOR = b"\n__ggml_vocab_test__\n"
KV = {"f32": 0, "f16": 1, "q8_0": 8}


def load_library(folder, build):
    """llama-cpp-python's bindings, and nothing else of it, for the library that was built."""
    folder = pathlib.Path(folder).resolve()
    package = types.ModuleType("llama_cpp")
    package.__path__ = [str(folder.parents[1] / "llama_cpp")]
    sys.modules["llama_cpp"] = package
    os.environ["LLAMA_CPP_LIB_PATH"] = str(folder / build / "bin")
    lib = importlib.import_module("llama_cpp.llama_cpp")
    lib.quiet = lib.llama_log_callback(
        lambda level, text, data: sys.stderr.buffer.write(text) if level == 4 else None)
    lib.llama_log_set(lib.quiet, ctypes.c_void_p(0))
    lib.llama_backend_init()
    return lib


def load_model(lib, path, vocab_only=False):
    params = lib.llama_model_default_params()
    params.vocab_only = vocab_only
    model = lib.llama_model_load_from_file(path.encode(), params)
    if not model:
        sys.exit(f"{path}: llama.cpp does not load this")
    return model


def tokenize(lib, model, text, special):
    vocab = lib.llama_model_get_vocab(model)
    ids = (lib.llama_token * (len(text) + 2))()
    n = lib.llama_tokenize(vocab, text, len(text), ids, len(ids), special, False)
    assert n >= 0
    return np.array(ids[:n], dtype="<u4")


def logits(lib, model, ids, kv="f32", fa="off", one=False, threads=2):
    params = lib.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = max(256, len(ids))
    params.n_threads = params.n_threads_batch = threads
    params.type_k = params.type_v = KV[kv]
    params.flash_attn_type = int(fa == "on")
    params.no_perf = True
    ctx = lib.llama_init_from_model(model, params)
    width = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    out = np.empty((len(ids), width), np.float32)
    step = 1 if one else len(ids)
    batch = lib.llama_batch_init(step, 0, 1)
    for at in range(0, len(ids), step):
        batch.n_tokens = step
        for i in range(step):
            batch.token[i], batch.pos[i] = int(ids[at + i]), at + i
            batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = 1, 0, 1
        if lib.llama_decode(ctx, batch) != 0:
            sys.exit("llama_decode failed")
        raw = lib.llama_get_logits(ctx)
        out[at:at + step] = np.ctypeslib.as_array(raw, (step * width,)).reshape(step, width)
    lib.llama_batch_free(batch)
    lib.llama_free(ctx)
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("llama_cpp")
    p.add_argument("what", choices=("tokens", "vectors", "logits"))
    p.add_argument("model")
    p.add_argument("input")
    p.add_argument("out")
    p.add_argument("--kv", choices=KV, default="f32")
    p.add_argument("--fa", choices=("on", "off"), default="off")
    p.add_argument("--one", action="store_true")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--build", default="build")
    a = p.parse_args()
    lib = load_library(a.llama_cpp, a.build)
    model = load_model(lib, a.model, vocab_only=a.what != "logits")
    with open(a.input, "rb") as f:
        data = f.read()
    if a.what == "tokens":
        tokenize(lib, model, data.removesuffix(b"\n"), True).tofile(a.out)
    elif a.what == "vectors":
        parts = [tokenize(lib, model, part, False).tolist() for part in data.split(SEPARATOR)]
        with open(a.out, "w", encoding="utf-8") as f:
            f.write("[" + ",\n ".join(map(json.dumps, parts)) + "]\n")
    else:
        np.save(a.out, logits(lib, model, json.loads(data), a.kv, a.fa, a.one, a.threads))


if __name__ == "__main__":
    main()
