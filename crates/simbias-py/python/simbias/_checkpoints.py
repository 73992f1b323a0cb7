"""``simbias.spectrum`` and what follows from it, ``simbias.prune``, ``simbias.perplexity``."""

from __future__ import annotations

import json
import os
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ._errors import InputError
from ._results import Comparison, LearningRates, Result, Sparsities, Spectrum
from ._run import Call, flags, run

# Types of safetensors by the names of torch and NumPy.
_TYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}


def spectrum(model: Any, *, out: Any = None, progress: bool | None = None, **options: Any) -> Spectrum:
    """What do the weights of a checkpoint say about its layers? No data needed.

    Args:
        model: A path (safetensors, folder of shards, .pt, .npz, .gguf), a state dict, or a module of torch.
        out: New folder that keeps report and results.
        progress: Whether to show progress; None shows it on terminals and in notebooks.
        **options: Flags of ``simbias spectrum``, such as ``farms="2000x15"`` or ``exclude="embed"``, and ``threads``.

    Returns:
        The answer: ``.summary``, ``.table("layers")``, ``.show()``.

    Raises:
        InputError: A checkpoint or arguments that cannot be used.

    Example:
        >>> import numpy as np, simbias
        >>> weights = np.random.default_rng(0).normal(size=(256, 256)).astype("float32")
        >>> simbias.spectrum({"layer.weight": weights}, progress=False).rows("layers")[0]["layer"]
        'layer.weight'
    """
    return _on_checkpoint(Spectrum, "simbias.spectrum", ["spectrum", "scan"], model, out, progress, options)


def learning_rates(
    model: Any,
    base_lr: float,
    *,
    out: Any = None,
    progress: bool | None = None,
    **options: Any,
) -> LearningRates:
    """A learning rate for every layer: heavy-tailed layers, taken as well trained, get smaller rates.

    Args:
        model: As for :func:`simbias.spectrum`.
        base_lr: The scheduler's current rate.
        out: New folder that keeps report and results.
        progress: Whether to show progress.
        **options: Flags of ``simbias spectrum lr``, such as ``map="sigmoid"`` or ``skip_last=True``.

    Returns:
        The rates: ``.rates`` by name, ``.param_groups(module)`` for an optimiser of torch.

    Raises:
        InputError: A checkpoint or arguments that cannot be used.

    Example:
        >>> import numpy as np, simbias
        >>> rng = np.random.default_rng(0)
        >>> weights = {f"layers.{i}.weight": rng.normal(size=(64, 64)).astype("float32") for i in range(3)}
        >>> sorted(simbias.learning_rates(weights, 0.1, progress=False).rates)
        ['layers.0.weight', 'layers.1.weight', 'layers.2.weight']
    """
    words = ["spectrum", "lr"]
    options = {"base_lr": base_lr, **options}
    return _on_checkpoint(LearningRates, "simbias.learning_rates", words, model, out, progress, options)


def sparsities(
    model: Any,
    target: float,
    *,
    out: Any = None,
    progress: bool | None = None,
    **options: Any,
) -> Sparsities:
    """A share of zeros for every layer, so that all layers together meet the target.

    Args:
        model: As for :func:`simbias.spectrum`.
        target: Share of zeros among the weights of all pruned layers, from 0 to 1.
        out: New folder that keeps report and results.
        progress: Whether to show progress.
        **options: Flags of ``simbias spectrum sparsity``, such as ``epsilon=0.1`` or ``mapping="layer"``.

    Returns:
        The shares: ``.ratios`` by name of the tensor.

    Raises:
        InputError: A checkpoint or arguments that cannot be used.

    Example:
        >>> import numpy as np, simbias
        >>> rng = np.random.default_rng(0)
        >>> weights = {f"layers.{i}.weight": rng.normal(size=(64, 64)).astype("float32") for i in range(3)}
        >>> round(sum(simbias.sparsities(weights, 0.5, progress=False).ratios.values()) / 3, 6)
        0.5
    """
    words = ["spectrum", "sparsity"]
    options = {"target": target, **options}
    return _on_checkpoint(Sparsities, "simbias.sparsities", words, model, out, progress, options)


def compare_spectra(
    before: Any, after: Any, *, out: Any = None, progress: bool | None = None, **options: Any
) -> Comparison:
    """What changed from one checkpoint to another, layer by layer.

    Args:
        before: As for :func:`simbias.spectrum`.
        after: The other checkpoint, with layers of the same names.
        out: New folder that keeps report and results.
        progress: Whether to show progress.
        **options: Flags of ``simbias spectrum compare``.

    Returns:
        The answer: ``.summary``, ``.show()``.

    Raises:
        InputError: Checkpoints that cannot be used or have no layer in common.

    Example:
        >>> import numpy as np, simbias
        >>> rng = np.random.default_rng(0)
        >>> base = {"layer.weight": rng.normal(size=(64, 64)).astype("float32")}
        >>> tuned = {"layer.weight": base["layer.weight"] * 1.1}
        >>> type(simbias.compare_spectra(base, tuned, progress=False)).__name__
        'Comparison'
    """
    with _file(before, "before") as first, _file(after, "after") as second:
        call = Call(["spectrum", "compare", first, second], "simbias.compare_spectra")
        return _run(Comparison, call, out, progress, options)


def prune(
    model: Any,
    out: str | os.PathLike[str],
    *,
    sparsity: float | None = None,
    method: str = "magnitude",
    progress: bool | None = None,
    **options: Any,
) -> Result:
    """Sets weights of a checkpoint to zero and writes the pruned checkpoint into a new folder.

    Args:
        model: As for :func:`simbias.spectrum`.
        out: New folder for the pruned checkpoint, report and results.
        sparsity: Share of zeros; or give ``pattern="2:4"``.
        method: magnitude, wanda or sparsegpt.
        progress: Whether to show progress.
        **options: Flags of ``simbias prune``, such as ``allocation="farms"`` or ``calibration="book.txt"``.

    Returns:
        The answer; its ``folder`` holds the checkpoint.

    Raises:
        InputError: A checkpoint or arguments that cannot be used.

    Example:
        >>> import numpy as np, simbias, tempfile, os
        >>> weights = {"layer.weight": np.random.default_rng(0).normal(size=(64, 64)).astype("float32")}
        >>> place = os.path.join(tempfile.mkdtemp(), "pruned")
        >>> simbias.prune(weights, place, sparsity=0.5, progress=False).folder.name
        'pruned'
    """
    options = {"sparsity": sparsity, "method": method, **options}
    return _on_checkpoint(Result, "simbias.prune", ["prune"], model, out, progress, options)


def perplexity(
    model: str | os.PathLike[str],
    text: str | os.PathLike[str],
    *,
    out: Any = None,
    progress: bool | None = None,
    **options: Any,
) -> Result:
    """How well does a language model predict a text?

    Args:
        model: Folder or file of LLaMA, Mistral, Qwen2 or GPT-2 with config.json beside it, or .gguf.
        text: Path of a text in UTF-8, or of tokens as whole numbers in .npy.
        out: New folder that keeps report and results.
        progress: Whether to show progress.
        **options: Flags of ``simbias perplexity``, such as ``context=1024`` or ``max_chunks=20``.

    Returns:
        The answer; ``to_dict()["perplexity"]`` is the figure.

    Raises:
        InputError: A model, a text or arguments that cannot be used.
    """
    call = Call(["perplexity", os.fspath(model), os.fspath(text)], "simbias.perplexity")
    return _run(Result, call, out, progress, options)


_Answer = TypeVar("_Answer", bound=Result)


def _on_checkpoint(
    kind: type[_Answer],
    called_as: str,
    words: list[str],
    model: Any,
    out: Any,
    progress: bool | None,
    options: dict[str, Any],
) -> _Answer:
    with _file(model, "state_dict") as path:
        return _run(kind, Call([*words, path], called_as), out, progress, options)


def _run(
    kind: type[_Answer], call: Call, out: Any, progress: bool | None, options: dict[str, Any]
) -> _Answer:
    own = {name: options.pop(name) for name in ("seed", "threads", "device") if name in options}
    call.words += flags(options)
    return kind(run(call, out=out, progress=progress, **own))


@contextmanager
def _file(model: Any, name: str) -> Iterator[str]:
    """The path of a checkpoint; weights in memory go to a temporary file, one tensor at a time."""
    if isinstance(model, (str, os.PathLike)):
        yield os.fspath(model)
        return
    state = model.state_dict() if hasattr(model, "state_dict") else model
    if not isinstance(state, Mapping):
        raise InputError(
            f"a checkpoint is a path, a state dict or a module of torch, not {type(model).__name__}"
        )
    with tempfile.TemporaryDirectory(prefix="simbias-in-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / f"{name}.safetensors"
        _write_safetensors(path, state)
        yield str(path)


def _write_safetensors(path: Path, state: Mapping[str, Any]) -> None:
    """Writes tensors of torch or NumPy as they are stored, without a copy of the whole."""
    header: dict[str, Any] = {}
    tensors = []
    end = 0
    for name, tensor in state.items():
        if not hasattr(tensor, "shape") or not hasattr(tensor, "dtype"):
            # What state dicts hold beside tensors, such as counters.
            continue
        kind = str(tensor.dtype).removeprefix("torch.")
        if kind not in _TYPES:
            raise InputError(f"{name!r} holds {kind}, which cannot be read; convert it to float32")
        n_bytes = int(np.prod(tensor.shape, dtype=np.int64)) * _item_bytes(tensor)
        header[str(name)] = {
            "dtype": _TYPES[kind],
            "shape": [int(length) for length in tensor.shape],
            "data_offsets": [end, end + n_bytes],
        }
        end += n_bytes
        tensors.append(tensor)
    if not tensors:
        raise InputError("the state dict holds no tensors")
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for tensor in tensors:
            file.write(_bytes(tensor))


def _item_bytes(tensor: Any) -> int:
    size = tensor.element_size() if hasattr(tensor, "element_size") else tensor.dtype.itemsize
    return int(size)


def _bytes(tensor: Any) -> bytes | memoryview:
    """The bytes of one tensor in C order, little endian."""
    if hasattr(tensor, "detach"):
        import torch

        array = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        return array.data  # type: ignore[no-any-return]
    array = np.ascontiguousarray(tensor)
    return array.astype(array.dtype.newbyteorder("<"), copy=False).reshape(-1).view(np.uint8).data
