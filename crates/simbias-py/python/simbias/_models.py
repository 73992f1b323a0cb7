"""Models of any framework as functions from rows to scores."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ._data import Given, _Columns
from ._errors import InputError

Array = np.ndarray[Any, Any]
# From rows of the user's own form to scores of shape [rows] or [rows, outputs].
Score = Callable[[Any], Any]

_SMALLEST = float(np.finfo(np.float32).tiny)


def as_model(model: Any, data: Given, folder: Path, name: str) -> str | dict[str, Any]:
    """What a command takes for ``model``: a path, or a model for the native module.

    ``folder`` takes what must be written to disk; ``name`` is how results call the model.
    """
    if isinstance(model, (str, os.PathLike)):
        return os.fspath(model)
    if type(model).__module__.partition(".")[0] == "onnxruntime":
        return _session_file(model, folder, name)
    score, classes = _score_of(model)

    def open_for(layout: Mapping[str, Any], first_rows: Array) -> tuple[Any, int, str]:
        if data.own is not None and layout["columns"] is not None:
            return _of_own_table(score, data.own, layout)
        scorer = _ArrayScorer(score, data.own, layout)
        kind = "array" if isinstance(data.own, np.ndarray) and len(data.own) == layout["n_rows"] else ""
        return scorer, scorer(first_rows).shape[1], kind

    return {"name": name, "open": open_for, "classes": classes, "batch": _batch(model, data.own)}


class _ArrayScorer:
    """Scores rows of numbers, and rows of the user's own array with some values from other rows."""

    def __init__(self, score: Score, own: Any, layout: Mapping[str, Any]) -> None:
        self.score = score
        self.own = own
        self.restore = _restoring(own, layout)
        shape = tuple(layout["tensors"][0][1])
        self.place_of = None
        if isinstance(own, np.ndarray):
            places = np.arange(int(np.prod(own.shape[1:], dtype=int))).reshape(own.shape[1:])
            if own.ndim == 4 and own.shape[1:] != shape:
                # The readers put channels first.
                places = places.transpose(2, 0, 1)
            self.place_of = places.reshape(-1)

    def __call__(self, rows: Array) -> Array:
        """From rows of the readers, float32 of shape [rows, features]."""
        return _scores(self.score(self.restore(rows)), len(rows))

    def of_own(self, start: int, end: int, donors: Array, features: Array) -> Array:
        """From the user's own rows; the features come from the donors."""
        rows = self.own[start:end].copy()
        if len(features):
            assert self.place_of is not None
            places = self.place_of[features]
            flat = rows.reshape(len(rows), -1)
            flat[:, places] = self.own[donors].reshape(len(rows), -1)[:, places]
            rows = flat.reshape(rows.shape)
        return _scores(self.score(rows), len(rows))


def _batch(model: Any, own: Any) -> int:
    """Rows that a model gets at a time: as many as fit well into memory, fewer for networks with large layers between."""
    arrays = list(own.values()) if isinstance(own, dict) else [own] if isinstance(own, np.ndarray) else []
    width = sum(int(np.prod(array.shape[1:], dtype=int)) for array in arrays) or 32
    if _is_torch(model):
        return max(64, min(1024, (1 << 20) // width))
    return max(256, min(65536, (1 << 24) // width))


def model_name(model: Any) -> str:
    """How results call a model."""
    if isinstance(model, (str, os.PathLike)):
        return os.fspath(model)
    name = str(getattr(model, "__name__", type(model).__name__))
    return "model" if name == "<lambda>" else name


def _session_file(session: Any, folder: Path, name: str) -> str:
    """The file of a session of onnxruntime; its bytes are written if it has none."""
    path = getattr(session, "_model_path", None)
    if path:
        return str(path)
    content = getattr(session, "_model_bytes", None)
    if content is None:
        raise InputError("this session of onnxruntime does not tell its file; give the path of the ONNX file")
    place = folder / f"{name}.onnx"
    place.write_bytes(content)
    return str(place)


def _score_of(model: Any) -> tuple[Score, list[str] | None]:
    """How a model scores rows, and its classes in the order of its outputs, if it tells."""
    if _is_torch(model):
        return _of_torch(model), None
    classes = getattr(model, "classes_", None)
    names = None if classes is None or getattr(classes, "ndim", 1) != 1 else [_class_name(one) for one in classes]
    if hasattr(model, "predict_proba"):
        return lambda rows: _log(model.predict_proba(rows)), names
    if hasattr(model, "decision_function"):
        return model.decision_function, names
    if hasattr(model, "predict") and not _is_function_of_rows(model):
        if names is not None:
            return lambda rows: _one_hot(model.predict(rows), classes), names
        return model.predict, None
    if callable(model):
        return model, None
    raise InputError(
        f"a model is a function from rows to scores, an estimator of scikit-learn, a module of torch, an ONNX file or "
        f"session, or the folder of a run, not {type(model).__name__}"
    )


def _is_function_of_rows(model: Any) -> bool:
    return type(model).__name__ in ("function", "builtin_function_or_method", "method")


def _class_name(value: Any) -> str:
    """A class as labels of the readers are called: truth values and whole numbers without a fraction."""
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _log(probabilities: Any) -> Array:
    """Probabilities of the classes as logits; rounding near 0 is all that is lost."""
    if isinstance(probabilities, list):
        raise InputError("the model predicts several targets at a time; give a model of one target")
    logits: Array = np.log(np.maximum(np.asarray(probabilities, dtype="f8"), _SMALLEST))
    return logits


def _one_hot(predicted: Any, classes: Any) -> Array:
    is_class: Array = np.asarray(predicted)[:, None] == np.asarray(classes)[None, :]
    return is_class.astype("f4")


def _is_torch(model: Any) -> bool:
    return any(kind.__module__.startswith("torch.") and kind.__name__ == "Module" for kind in type(model).__mro__)


def _of_torch(model: Any) -> Score:
    """A module of torch in evaluation mode, without gradients, where its parameters lie."""
    import torch

    first = next(model.parameters(), None)
    device = "cpu" if first is None else first.device
    # Arrays of NumPy are often of 64 bits, modules rarely.
    kind = first.dtype if first is not None and first.is_floating_point() else torch.float32

    def tensor(rows: Any) -> Any:
        if isinstance(rows, Mapping):
            return {name: tensor(values) for name, values in rows.items()}
        values = torch.from_numpy(np.ascontiguousarray(rows))
        if values.is_floating_point():
            values = values.to(kind)
        return values.to(device)

    def score(rows: Any) -> Any:
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad():
                given = tensor(rows)
                return model(**given) if isinstance(given, dict) else model(given)
        finally:
            model.train(was_training)

    return score


def _scores(found: Any, n_rows: int) -> Array:
    """What a model returned as float32 of shape [rows, outputs]."""
    if hasattr(found, "logits"):
        found = found.logits
    elif isinstance(found, Mapping) and "logits" in found:
        found = found["logits"]
    elif isinstance(found, tuple) and len(found):
        found = found[0]
    if hasattr(found, "detach"):
        found = found.detach().float().cpu().numpy()
    scores = np.asarray(found)
    if scores.dtype.kind not in "biuf":
        raise InputError(f"the model returned {scores.dtype}, not numbers: return scores, one for each class")
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2 or len(scores) != n_rows:
        raise InputError(
            f"the model returned scores of shape {tuple(scores.shape)} for {n_rows} rows; return [rows] or [rows, classes]"
        )
    _check_precision(scores)
    return np.ascontiguousarray(scores, dtype="f4")


def _check_precision(scores: Array) -> None:
    """Scores are compared in 32 bits: refuses those that these cannot tell apart."""
    if scores.dtype.kind != "f" or scores.dtype.itemsize <= 4 or not scores.size or not np.isfinite(scores).all():
        return
    lowest, highest = float(scores.min()), float(scores.max())
    step = float(np.spacing(np.float32(max(abs(lowest), abs(highest)))))
    if 0 < highest - lowest < 1000 * step:
        raise InputError(
            f"all scores lie between {lowest} and {highest}, too close together for 32-bit numbers; let the model "
            "subtract a constant"
        )


def _restoring(own: Any, layout: Mapping[str, Any]) -> Callable[[Array], Any]:
    """From rows of the readers, float32 of shape [rows, features], to the form of the user's own arrays."""
    tensors = layout["tensors"]

    def one(rows: Array, shape: tuple[int, ...], array: Array | None) -> Array:
        values = rows.reshape(len(rows), *shape)
        if array is None:
            return values
        if array.ndim == 4 and array.shape[1:] != tuple(shape):
            # The readers put channels first.
            values = values.transpose(0, 2, 3, 1)
        values = values.reshape(len(rows), *array.shape[1:])
        if array.dtype == np.uint8 and array.ndim > 2:
            levels: Array = np.rint(values * 255).astype(np.uint8)
            return levels
        own_type: Array = values.astype(array.dtype, copy=False)
        return own_type

    if not isinstance(own, dict) and len(tensors) == 1:
        shape = tuple(tensors[0][1])
        return lambda rows: one(rows, shape, own)

    def all_of(rows: Array) -> dict[str, Array]:
        parts: dict[str, Array] = {}
        start = 0
        for name, shape in tensors:
            length = int(np.prod(shape, dtype=int))
            array = own.get(name) if isinstance(own, dict) else None
            parts[name] = one(rows[:, start : start + length], tuple(shape), array)
            start += length
        return parts

    if isinstance(own, dict) and len(own) == 1:
        name, array = next(iter(own.items()))
        shape = tuple(tensors[0][1])
        return lambda rows: {name: one(rows, shape, array)}
    return all_of


def _of_own_table(score: Score, own: Any, layout: Mapping[str, Any]) -> tuple[Any, int, str]:
    """Scores of the user's table with some columns taken from other rows."""
    n_rows = own.shape[0]
    if layout["n_rows"] != n_rows:
        raise InputError(
            f"the model scores your own table, which has {n_rows} rows, but {layout['n_rows']} are in use; leave the "
            'others out yourself, or keep missing cells with missing="keep"'
        )
    exchanged = _exchanging(own)
    known = [str(name) for name in own.columns]
    parts: dict[str, set[str]] = {}
    for name in layout["columns"]:
        # Of a date with a time of day the readers make two columns.
        source = name if name in known else name.removesuffix(" (hour)")
        parts.setdefault(source, set()).add(name)

    def of_table(start: int, end: int, donors: Array, names: list[str]) -> Array:
        wanted = set(names)
        sources = [source for source, its in parts.items() if its & wanted]
        for source in sources:
            if not parts[source] <= wanted:
                raise InputError(
                    f"the model scores your own table, but a block holds only a part of column {source!r}; give the "
                    "block the whole column"
                )
        return _scores(score(exchanged(start, end, donors, sources)), end - start)

    first = min(n_rows, 2)
    n_outputs = of_table(0, first, np.arange(first, dtype="u4"), []).shape[1]
    return of_table, n_outputs, "table"


def _exchanging(own: Any) -> Callable[[int, int, Array, list[str]], Any]:
    if isinstance(own, _Columns):
        place = {name: index for index, name in enumerate(own.columns)}

        def of_array(start: int, end: int, donors: Array, names: list[str]) -> Any:
            rows = own.array[start:end].copy()
            for name in names:
                if own.array.dtype.names is not None:
                    rows[name] = own.array[name][donors]
                else:
                    rows[:, place[name]] = own.array[donors, place[name]]
            return rows

        return of_array
    columns = {str(name): name for name in own.columns}
    if type(own).__module__.partition(".")[0] == "polars":

        def of_polars(start: int, end: int, donors: Array, names: list[str]) -> Any:
            return own[start:end].with_columns(
                [own[columns[name]].gather(donors.astype("i8")).alias(columns[name]) for name in names]
            )

        return of_polars

    def of_pandas(start: int, end: int, donors: Array, names: list[str]) -> Any:
        rows = own.iloc[start:end].copy()
        for name in names:
            column = columns[name]
            rows[column] = own[column].iloc[donors].set_axis(rows.index)
        return rows

    return of_pandas
