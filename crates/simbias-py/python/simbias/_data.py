"""Rows and labels of this interpreter as sources of a command."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ._errors import InputError

# How messages call what has no file name.
ROWS = "X"

_LABEL_NAMES = ("y", "label", "target", "simbias_label")


@dataclass
class Given:
    """Rows with labels: what a command's words name, and how a row goes back into the user's own form."""

    words: list[str]
    """The path of the rows, or the name under which they are given."""
    flags: list[str]
    """Where the labels and strata are."""
    rows: Any = None
    """What the native module reads; None for a path."""
    own: Any = None
    """The user's rows, without labels: a data frame, an array or arrays by name; None for a path."""
    kept: list[str] = field(default_factory=list)
    """Folders that must outlive the command."""


def given(
    X: Any,
    y: Any = None,
    *,
    strata: Any = None,
    names: Sequence[str] | None = None,
    test: tuple[Any, Any] | None = None,
    max_rows: int | None = None,
    drops: bool = False,
    folder: Path,
) -> Given:
    """Rows ``X`` with labels ``y``; ``folder`` takes what must be written to disk.

    ``strata`` are names of columns, or arrays by name. ``test`` are rows and labels for the test alone. At most
    ``max_rows`` rows are taken, evenly spaced. With ``drops`` the command leaves out rows without a label.

    Raises InputError for what has no such form.
    """
    try:
        return _given(X, y, strata, names, test, max_rows, drops, folder)
    except (TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"these rows or labels have no form that can be read: {error}") from error


def _given(
    X: Any,
    y: Any,
    strata: Any,
    names: Sequence[str] | None,
    test: tuple[Any, Any] | None,
    max_rows: int | None,
    drops: bool,
    folder: Path,
) -> Given:
    if X is None:
        raise InputError("X is missing: give rows, as an array, a table, a tensor or a path")
    if isinstance(X, (str, os.PathLike)):
        return _of_path(X, y, strata, test, folder)
    X = _plain(X)
    if names is not None or _is_mixed(X):
        X = _as_columns(X, names)
    if max_rows is not None:
        rows = _spread(_length(X), max_rows)
        X, strata = _take(X, rows), _take_strata(strata, rows)
        y = y if y is None or isinstance(y, str) else _take(_plain(y), rows)
    if _is_frame(X):
        return _of_frame(X, y, strata, test, drops)
    return _of_arrays(X, y, strata, test)


def _length(X: Any) -> int:
    return len(next(iter(X.values()))) if isinstance(X, Mapping) else int(X.shape[0])


def _spread(n_rows: int, most: int) -> np.ndarray[Any, Any]:
    """At most so many rows, evenly spaced, as the readers of files choose them."""
    if most >= n_rows:
        return np.arange(n_rows)
    places = np.arange(n_rows)
    return places[(places + 1) * most // n_rows > places * most // n_rows]


def _take(values: Any, rows: np.ndarray[Any, Any]) -> Any:
    """Some rows of rows in any form."""
    if isinstance(values, Mapping):
        return {name: _take(array, rows) for name, array in values.items()}
    if isinstance(values, _Columns):
        return _Columns({name: column[rows] for name, column in values.values_of.items()}, values.array[rows])
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    if type(values).__module__.partition(".")[0] == "polars":
        return values[rows.tolist()]
    return np.asarray(values)[rows]


def _take_strata(strata: Any, rows: np.ndarray[Any, Any]) -> Any:
    if isinstance(strata, Mapping):
        return {name: _take(_plain(values), rows) for name, values in strata.items()}
    return strata


def _of_path(X: Any, y: Any, strata: Any, test: Any, folder: Path) -> Given:
    if test is not None:
        raise InputError("test= goes with rows in memory; a path has its test part in files or folders of its own")
    flags: list[str] = []
    if isinstance(y, (str, os.PathLike)):
        flags += ["--labels", str(y)]
    elif y is not None:
        labels = _labels(y)
        place = folder / "labels.npy"
        if isinstance(labels, list):
            place = folder / "labels.txt"
            place.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
        else:
            np.save(place, labels)
        flags += ["--labels", str(place)]
    for name in _names(strata, "strata"):
        flags += ["--strata", _quoted(name)]
    return Given([os.fspath(X)], flags)


def _of_frame(X: Any, y: Any, strata: Any, test: Any, drops: bool) -> Given:
    columns = _columns_of(X)
    flags: list[str] = []
    label = None
    if isinstance(y, str):
        label = y
    elif y is not None:
        label = _free_name(getattr(y, "name", None), [name for name, _ in columns])
        columns = [*columns, (label, _column(_as_series(y), label))]
    if label is not None:
        flags += ["--labels", label]
    if isinstance(strata, Mapping):
        for name, values in strata.items():
            if any(name == other for other, _ in columns):
                raise InputError(f"strata: the table has a column {name!r} already; name it without values")
            columns.append((name, _column(_as_series(values), name)))
            flags += ["--strata", _quoted(name)]
    else:
        for name in _names(strata, "strata"):
            flags += ["--strata", _quoted(name)]
    _same_length(columns)
    if label is not None and not drops:
        _check_labels(dict(columns).get(label))
    own = X
    if isinstance(y, str):
        own = _without(X, y)
    if test is None:
        return Given([ROWS], flags, [(None, columns)], own)
    X_test, y_test = test
    more = _columns_of(_plain(X_test) if _is_frame(_plain(X_test)) else _as_columns(_plain(X_test), None))
    if label is not None and not isinstance(y, str):
        more = [*more, (label, _column(_as_series(y_test), label))]
    _same_length(more)
    return Given([ROWS], flags, [("train", columns), ("test", more)], own)


def _of_arrays(X: Any, y: Any, strata: Any, test: Any) -> Given:
    own = {name: np.asarray(array) for name, array in X.items()} if isinstance(X, Mapping) else np.asarray(X)
    if y is None:
        raise InputError("y is missing: rows in an array need labels, one for each row")
    if isinstance(y, str):
        raise InputError(f"y is the name {y!r}, but an array has no columns with names; give the labels themselves")
    inputs = own if isinstance(own, dict) else {"x": own}
    inputs = {name: _array(array, name) for name, array in inputs.items()}
    labels = _labels(y)
    for name, array in inputs.items():
        if len(inputs) > 1 and len(array) != len(labels):
            raise InputError(f"{name!r} has {len(array)} rows for {len(labels)} labels")
    label = _free_name("y", list(inputs))
    arrays = {**inputs, label: labels}
    flags = ["--labels", label]
    if not isinstance(strata, (Mapping, type(None))):
        raise InputError(
            f"strata={strata!r}: an array has no columns with names; give the values, as in strata={{'site': sites}}"
        )
    for name, values in (strata or {}).items():
        if name in arrays:
            raise InputError(f"strata: there is an array {name!r} already; choose another name")
        arrays[name] = _labels(values)
        flags += ["--strata", _quoted(name)]
    if test is not None:
        X_test, y_test = test
        X_test = _plain(X_test)
        tests = (
            {name: _array(array, name) for name, array in X_test.items()}
            if isinstance(X_test, Mapping)
            else {"x": _array(X_test, "test")}
        )
        arrays = {f"{name}_train": values for name, values in arrays.items()}
        arrays |= {f"{name}_test": values for name, values in tests.items()}
        arrays[f"{label}_test"] = _labels(y_test)
    rows = [{"name": name, "values": _native_array(values, name)} for name, values in arrays.items()]
    return Given([ROWS], flags, rows, own)


def _plain(X: Any) -> Any:
    """Tensors of torch as arrays; everything else as it is."""
    module = type(X).__module__.partition(".")[0]
    if module == "torch" and hasattr(X, "detach"):
        if X.device.type != "cpu":
            X = X.cpu()
        X = X.detach()
        return X.float().numpy() if str(X.dtype) == "torch.bfloat16" else X.numpy()
    if isinstance(X, Mapping):
        return {str(name): _plain(values) for name, values in X.items()}
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        return X.toarray()
    if isinstance(X, (list, tuple)):
        if len(X) and type(X[0]).__module__.startswith("PIL."):
            return np.stack([np.asarray(image) for image in X])
        if len(X) and type(X[0]).__module__.partition(".")[0] == "torch":
            return np.stack([_plain(row) for row in X])
        return np.asarray(X, dtype=object) if _has_texts(X) else np.asarray(X)
    if module == "pyarrow" and hasattr(X, "to_pandas"):
        return X.to_pandas()
    if module == "polars" and hasattr(X, "collect"):
        return X.collect()
    return X


def _has_texts(rows: Sequence[Any]) -> bool:
    return bool(rows) and isinstance(rows[0], (list, tuple)) and any(isinstance(cell, str) for cell in rows[0])


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns") and hasattr(X, "shape") and not isinstance(X, np.ndarray)


def _is_mixed(X: Any) -> bool:
    """Whether an array holds texts and numbers, or has columns with names."""
    return isinstance(X, np.ndarray) and (X.dtype.kind in "OUS" or X.dtype.names is not None)


def _as_columns(X: Any, names: Sequence[str] | None) -> Any:
    """An array as a table of columns with names."""
    if _is_frame(X):
        if names is not None:
            raise InputError("names= goes with arrays; the table has names already")
        return X
    if isinstance(X, np.ndarray) and X.dtype.names is not None:
        return _Columns({name: X[name] for name in X.dtype.names}, X)
    if not isinstance(X, np.ndarray) or X.ndim != 2:
        raise InputError("names= needs rows of shape [rows, columns]")
    found = list(names) if names is not None else [f"column{index + 1}" for index in range(X.shape[1])]
    if len(found) != X.shape[1]:
        raise InputError(f"names= has {len(found)} names for {X.shape[1]} columns")
    repeated = [str(name) for name in found if found.count(name) > 1]
    if repeated:
        raise InputError(f"names= has several columns {repeated[0]!r}; each needs a name of its own")
    return _Columns({str(name): X[:, index] for index, name in enumerate(found)}, X)


class _Columns:
    """The columns of an array, as a data frame has them."""

    def __init__(self, values: Mapping[str, np.ndarray[Any, Any]], array: Any) -> None:
        self.values_of = dict(values)
        self.columns = list(self.values_of)
        self.shape = (len(array), len(self.columns))
        self.array = array

    def __getitem__(self, name: str) -> Any:
        return self.values_of[name]


def _columns_of(X: Any) -> list[tuple[str, Any]]:
    names = [str(name) for name in X.columns]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise InputError(f"the table has several columns {sorted(repeated)[0]!r}; rename them")
    return [(str(name), _column(X[name], str(name))) for name in X.columns]


def _without(X: Any, name: str) -> Any:
    if name not in [str(column) for column in X.columns]:
        return X
    if isinstance(X, _Columns):
        kept = {key: values for key, values in X.values_of.items() if key != name}
        if X.array.dtype.names is not None:
            return _Columns(kept, X.array[list(kept)])
        places = [place for place, key in enumerate(X.columns) if key != name]
        return _Columns(kept, X.array[:, places])
    if type(X).__module__.partition(".")[0] == "polars":
        return X.drop(name)
    return X.drop(columns=[column for column in X.columns if str(column) == name])


def _same_length(columns: Sequence[tuple[str, Any]]) -> None:
    def length(column: Any) -> int:
        held = column[1] if isinstance(column[0], str) else column[0]
        return held if isinstance(held, int) else len(held)

    first = length(columns[0][1]) if columns else 0
    for name, column in columns:
        if length(column) != first:
            raise InputError(f"{name!r} has {length(column)} values for {first} rows")


def _as_series(values: Any) -> Any:
    if hasattr(values, "dtype") and not type(values).__module__.startswith("torch"):
        return values
    return _labels(values)


def _labels(y: Any) -> Any:
    """Labels as an array of numbers or a list of texts; shape [n], [n, 1] or one-hot [n, classes]."""
    if hasattr(y, "columns"):
        if y.shape[1] != 1:
            raise InputError(f"y has {y.shape[1]} columns; labels are one column")
        y = y[list(y.columns)[0]]
    if hasattr(y, "dtype") and not isinstance(y, np.ndarray) and not hasattr(y, "detach"):
        return _label_cells(_column(y, "y"))
    array = np.asarray(_plain(y))
    if array.dtype.kind in "OUS":
        return _label_cells(_column(array.reshape(-1), "y"))
    return _array(array, "y")


def _check_labels(column: Any) -> None:
    """Refuses labels that are missing."""
    if column is None:
        return
    first, second = column
    if isinstance(first, np.ndarray):
        n_missing = int((first < 0).sum())
    else:
        n_missing = int(np.isnan(second).sum()) if isinstance(second, np.ndarray) else 0
    if n_missing:
        raise InputError(f"y has {n_missing} missing labels; leave such rows out before, as with dropna")


def _label_cells(column: Any) -> Any:
    first, second = column
    if isinstance(first, np.ndarray):
        if (first < 0).any():
            raise InputError("y has missing labels; leave such rows out")
        return [second[code] for code in first]
    if isinstance(first, str) and first == "numbers":
        return second
    raise InputError("y holds neither numbers nor texts")


def _free_name(wanted: Any, taken: Sequence[str]) -> str:
    candidates = [str(wanted)] if wanted not in (None, "") else []
    return next(name for name in [*candidates, *_LABEL_NAMES, "simbias_label_"] if name not in taken)


def _names(value: Any, argument: str) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        raise InputError(f"{argument}: a path has its own columns; give their names")
    return [str(name) for name in value]


def _quoted(name: str) -> str:
    from ._run import quoted

    return quoted(name)


def _array(values: Any, name: str) -> np.ndarray[Any, Any]:
    """An array of a type that the native module reads, in C order; copied only where it must be."""
    array = np.asarray(values)
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "b" or (kind == "u" and size == 1) or (kind == "f" and size in (4, 8)):
        wanted = array.dtype.newbyteorder("=")
    elif kind == "f":
        wanted = np.dtype("f4") if size < 4 else np.dtype("f8")
    elif kind in "iu":
        wanted = np.dtype("i8")
    else:
        raise InputError(f"{name} holds {array.dtype}, not numbers")
    if array.ndim == 0:
        raise InputError(f"{name} is a single value, not rows")
    return np.ascontiguousarray(array, dtype=wanted)


def _native_array(values: Any, name: str) -> Any:
    return values if isinstance(values, list) else _array(values, name)


def _column(values: Any, name: str) -> Any:
    """One column for the native module: numbers, moments, texts with codes, or why it cannot be read."""
    if type(values).__module__.partition(".")[0] == "polars":
        return _polars_column(values)
    if isinstance(values, np.ndarray):
        return _numpy_column(values)
    return _pandas_column(values)


def _numpy_column(values: np.ndarray[Any, Any]) -> Any:
    kind = values.dtype.kind
    if kind in "biuf":
        return ("numbers", np.ascontiguousarray(values, dtype="f8"))
    if kind == "M":
        return ("moments", _seconds(values))
    if kind == "m":
        return ("numbers", values.astype("timedelta64[ns]").astype("f8") / 1e9)
    if kind in "OUS":
        return _objects(values.tolist())
    return (len(values), f"holds {values.dtype}")


def _seconds(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    seconds = values.astype("datetime64[ns]").astype("i8") / 1e9
    return np.where(np.isnat(values), np.nan, seconds)


def _objects(cells: list[Any]) -> Any:
    """Python objects: numbers if all are, otherwise texts."""
    present = [cell for cell in cells if not _is_missing(cell)]
    if present and all(isinstance(cell, (bool, int, float, np.number, np.bool_)) for cell in present):
        return ("numbers", np.array([np.nan if _is_missing(cell) else float(cell) for cell in cells], dtype="f8"))
    if any(isinstance(cell, (list, tuple, dict, set, np.ndarray)) for cell in present):
        return (len(cells), "holds lists, which are not table columns")
    index: dict[str, int] = {}
    codes = np.empty(len(cells), dtype="i8")
    for row, cell in enumerate(cells):
        if _is_missing(cell):
            codes[row] = -1
        else:
            text = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
            codes[row] = index.setdefault(text, len(index))
    return (codes, list(index))


def _is_missing(cell: Any) -> bool:
    if cell is None:
        return True
    if isinstance(cell, (str, bytes, list, tuple, dict, set, np.ndarray)):
        return False
    # NaN, NaT and pandas.NA are the values that do not equal themselves.
    try:
        return bool(cell != cell)
    except TypeError:
        return True


def _pandas_column(values: Any) -> Any:
    dtype = values.dtype
    name = str(dtype).lower()
    categories = getattr(dtype, "categories", None)
    if categories is not None:
        codes = np.asarray(values.cat.codes, dtype="i8")
        return (codes, [str(category) for category in categories])
    if name.startswith("datetime64"):
        naive = values.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(dtype, "tz", None) else values
        return ("moments", _seconds(naive.to_numpy()))
    if name.startswith("timedelta64"):
        return ("numbers", values.dt.total_seconds().to_numpy(dtype="f8"))
    if name.startswith("complex"):
        return (len(values), "holds complex numbers")
    if getattr(dtype, "kind", "O") in "biuf" or name in ("boolean",):
        return ("numbers", np.ascontiguousarray(values.to_numpy(dtype="f8", na_value=np.nan)))
    return _objects(values.tolist())


def _polars_column(values: Any) -> Any:
    import polars

    dtype = values.dtype
    if dtype.is_numeric() or dtype == polars.Boolean:
        return ("numbers", values.cast(polars.Float64).fill_null(float("nan")).to_numpy().astype("f8"))
    if dtype in (polars.Date, polars.Datetime):
        micro = values.cast(polars.Datetime("us")).cast(polars.Int64).cast(polars.Float64)
        return ("moments", micro.fill_null(float("nan")).to_numpy() / 1e6)
    if dtype == polars.Duration:
        micro = values.cast(polars.Duration("us")).cast(polars.Int64).cast(polars.Float64)
        return ("numbers", micro.fill_null(float("nan")).to_numpy() / 1e6)
    return _objects(values.to_list())
