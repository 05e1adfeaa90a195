#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs llama.cpp's convert_hf_to_gguf.py on a model whose tokenizer it does not know.

    hf_to_gguf.py LLAMA_CPP PRE [ARGUMENTS of convert_hf_to_gguf.py]

llama.cpp finds the pre-tokenizer of a byte-level BPE by a hash of the ids of one text, so
that it refuses every tokenizer that was trained anew.  PRE (gpt-2, llama-bpe, qwen2,
smollm, ...) answers instead.
"""
import runpy
import sys


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__.split("\n\n")[1])
    llama_cpp, pre = sys.argv[1:3]
    sys.path[:0] = [llama_cpp, llama_cpp + "/gguf-py"]
    from conversion import base
    base.TextModel.get_vocab_base_pre = lambda self, tokenizer: pre
    sys.argv = ["convert_hf_to_gguf.py"] + sys.argv[3:]
    runpy.run_path(llama_cpp + "/convert_hf_to_gguf.py", run_name="__main__")


if __name__ == "__main__":
    main()
