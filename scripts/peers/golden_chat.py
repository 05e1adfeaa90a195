#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Conversations as llama.cpp's own test wants its chat templates to write them.

    golden_chat.py LLAMA_CPP FILE   writes FILE (tests/data/golden/chat.json)

Reads tests/test-chat-template.cpp of a checkout of llama.cpp: for each case the template's
text and what its built-in writer, which is no Jinja, must give for the conversation.  Cases with
calls of tools are left out.
"""
import json
import re
import sys


def literals(text):
    """The string literals of a C++ initializer, adjacent ones joined."""
    parts = re.findall(r'R"\((.*?)\)"|"((?:[^"\\]|\\.)*)"', text, re.S)
    return "".join(raw or json.loads('"' + plain.replace("\\'", "'") + '"')
                   for raw, plain in parts)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1] + "/tests/test-chat-template.cpp", encoding="utf-8") as f:
        source = f.read()
    fields = re.findall(r"/\* \.(name|template_str|expected_output)= \*/(.*?)(?=/\* \.|\n        \})",
                        source, re.S)
    cases, case = [], {}
    for field, text in fields:
        if field == "name":
            case = {}
        case[field] = literals(text)
        if len(case) == 3 and "(tool call)" not in case["name"]:
            cases.append(case)
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        json.dump(cases, f, ensure_ascii=False, indent=1)
        f.write("\n")
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
