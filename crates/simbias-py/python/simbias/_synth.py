"""``simbias.synth``."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ._errors import InputError
from ._run import Call, flags, run


@dataclass(frozen=True)
class Synthesized:
    """Data whose features have a known simplicity order, as a file."""

    path: Path
    """The data: a path that all functions take as X."""
    blocks: Path | None
    """What the features are: a file that all functions take as blocks."""

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """All arrays of the file by name, such as x_train and y_train."""
        content = self.path.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        kinds = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U32": "<u4", "U8": "u1", "BOOL": "?"}
        arrays = {}
        for name, info in header.items():
            if name == "__metadata__":
                continue
            first, end = info["data_offsets"]
            stored = content[8 + length + first : 8 + length + end]
            arrays[name] = np.frombuffer(stored, dtype=kinds[info["dtype"]]).reshape(info["shape"])
        return arrays


def synth(kind: str, out: str | os.PathLike[str], *, seed: int = 0, **options: Any) -> Synthesized:
    """Generates data whose features have a known simplicity order.

    Args:
        kind: "slab" (linear and slab coordinates, rotated), "domino" (two image sets on top of one another) or "stand-in"
            (dominoes of real digits and drawn glyphs).
        out: File to write, NAME.safetensors; the blocks go beside it.
        seed: Root of all randomness.
        **options: Flags of ``simbias synth KIND``, such as ``preset="ms57"`` or ``n=20000``.

    Returns:
        Where the data and their blocks lie.

    Raises:
        InputError: Arguments that cannot be used.

    Example:
        >>> import simbias, tempfile, os
        >>> made = simbias.synth("slab", os.path.join(tempfile.mkdtemp(), "lms5.safetensors"), n=2000)
        >>> made.arrays()["x_train"].shape[1]
        50
    """
    if kind not in ("slab", "domino", "stand-in"):
        raise InputError(f"{kind!r} is not a kind of data: slab, domino or stand-in")
    path = Path(out)
    words = ["synth", kind, "--out", str(path), "--json", *flags(options)]
    run(Call(words, "simbias.synth"), seed=seed, progress=False, keeps_run=False)
    blocks = path.with_suffix(".blocks.toml")
    return Synthesized(path, blocks if blocks.is_file() else None)
