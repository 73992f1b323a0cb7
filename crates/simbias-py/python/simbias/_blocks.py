"""Blocks from Python's own forms."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ._errors import InputError


def block_words(blocks: Any, own: Any, folder: Path) -> list[str]:
    """The flag for ``blocks``: a short form, a file of TOML, or what each block holds by its name.

    ``own`` are the user's rows, if they are in memory. A block holds names of columns, indices of columns, a slice of them, a mask of truth values of a row's shape, or for an
    image a pair of ranges or slices of rows and columns.
    """
    if blocks is None:
        return []
    if isinstance(blocks, (str, os.PathLike)):
        return ["--blocks", os.fspath(blocks)]
    if not isinstance(blocks, Mapping):
        raise InputError(
            f"blocks is {type(blocks).__name__}; give a short form such as 'grid:3x3', a file, or "
            "{'name': what it holds, …}"
        )
    names = list(getattr(own, "columns", []))
    text = "\n".join(
        _block(str(name), held, names, folder, index) for index, (name, held) in enumerate(blocks.items())
    )
    place = folder / "blocks.toml"
    place.write_text(text, encoding="utf-8")
    return ["--blocks", str(place)]


def _block(name: str, held: Any, names: list[Any], folder: Path, index: int) -> str:
    lines = ["[[block]]", f"name = {_text(name)}"]
    if isinstance(held, np.ndarray) and held.dtype == bool:
        place = folder / f"mask-{index}.npy"
        np.save(place, held.astype(np.uint8))
        lines += ['kind = "mask"', f"file = {_text(place.name)}"]
    elif isinstance(held, tuple) and len(held) == 2 and all(isinstance(one, (range, slice)) for one in held):
        lines += ['kind = "region"']
        for key, one in zip(("rows", "cols"), held, strict=True):
            if one.start is None or one.stop is None or (one.step or 1) != 1:
                raise InputError(f"block {name!r}: give {key} as slice(first, last + 1)")
            lines += [f"{key} = [{one.start}, {one.stop}]"]
    elif isinstance(held, slice):
        if held.stop is None:
            raise InputError(f"block {name!r}: give the slice an end")
        lines += ['kind = "columns"', f"index = {list(range(held.start or 0, held.stop, held.step or 1))}"]
    else:
        items = [held] if isinstance(held, (str, int, np.integer)) else list(held)
        # Whole numbers may be the names of a table's columns.
        are_places = all(isinstance(one, (int, np.integer)) for one in items) and not set(items) <= set(names)
        places = [int(one) for one in items] if are_places else []
        if any(place < 0 for place in places):
            raise InputError(f"block {name!r}: {min(places)} is not a column; the first one is 0")
        if places:
            lines += ['kind = "columns"', f"index = {places}"]
        else:
            lines += ['kind = "columns"', f"names = [{', '.join(_text(str(one)) for one in items)}]"]
    return "\n".join(lines) + "\n"


def _text(words: str) -> str:
    # A JSON string is a TOML string, except for characters beyond the basic plane as pairs.
    return json.dumps(words, ensure_ascii=False)
