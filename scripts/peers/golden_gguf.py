#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write a small GGUF file with every type of value, with the package gguf of llama.cpp.

    python scripts/peers/golden_gguf.py tests/data/gguf/small.gguf

tests/unit/test-gguf.c says what is in it.  Made with gguf 0.19.
"""
import sys

import gguf
import numpy as np

w = gguf.GGUFWriter(sys.argv[1], "llama")
w.add_uint8("test.u8", 200)
w.add_int8("test.i8", -100)
w.add_uint16("test.u16", 60000)
w.add_int16("test.i16", -30000)
w.add_uint32("test.u32", 4000000000)
w.add_int32("test.i32", -2000000000)
w.add_float32("test.f32", 0.1)
w.add_bool("test.bool", True)
w.add_string("test.string", "naïve\n")
w.add_uint64("test.u64", 2**64 - 1)
w.add_int64("test.i64", -(2**63))
w.add_float64("test.f64", 0.1)
w.add_array("test.strings", ["a", "", "Ġthe", "日本"])
w.add_array("test.ints", [1, -2, 3])
w.add_array("test.floats", [0.5, -0.25])
w.add_array("test.bools", [True, False])
w.add_tensor("odd", np.arange(5, dtype=np.float32))
w.add_tensor("matrix", np.arange(6, dtype=np.float16).reshape(2, 3))
w.add_tensor("four", np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2))
x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(2, 32)
q = gguf.quants.quantize(x, gguf.GGMLQuantizationType.Q8_0)
w.add_tensor("q8", q, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
w.add_tensor("scalar", np.array([3.5], dtype=np.float64))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
