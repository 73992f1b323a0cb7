#!/usr/bin/env python3
"""Writes a small checkpoint with the layers of a language model, some of them random: checkpoint.py FILE BLOCKS."""

import json
import random
import struct
import sys
from array import array

WIDTH, INNER, KEYS = 48, 96, 24
LAYERS = [
    ("self_attn.q_proj", WIDTH, WIDTH), ("self_attn.k_proj", KEYS, WIDTH), ("self_attn.v_proj", KEYS, WIDTH),
    ("self_attn.o_proj", WIDTH, WIDTH), ("mlp.gate_proj", INNER, WIDTH), ("mlp.up_proj", INNER, WIDTH),
    ("mlp.down_proj", WIDTH, INNER),
]


def matrix(draw, rows, columns, trained):
    """Noise, and for a trained layer eight directions of falling strength."""
    values = [draw.gauss(0, 1) for _ in range(rows * columns)]
    for strength in range(8 if trained else 0):
        left = [draw.gauss(0, 1.5 / (1 + strength)) for _ in range(rows)]
        right = [draw.gauss(0, 1) for _ in range(columns)]
        values = [value + left[at // columns] * right[at % columns] for at, value in enumerate(values)]
    return values


def main(path, n_blocks):
    draw = random.Random(0)
    tensors = {"lm_head.weight": (100, WIDTH, matrix(draw, 100, WIDTH, True))}
    for block in range(n_blocks):
        for index, (name, rows, columns) in enumerate(LAYERS):
            trained = (block + index) % 11 != 0
            tensors[f"model.layers.{block}.{name}.weight"] = (rows, columns, matrix(draw, rows, columns, trained))
    header, data, end = {}, bytearray(), 0
    for name, (rows, columns, values) in tensors.items():
        data += array("f", values).tobytes()
        header[name] = {"dtype": "F32", "shape": [rows, columns], "data_offsets": [end, len(data)]}
        end = len(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
