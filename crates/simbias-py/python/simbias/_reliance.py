"""``simbias.reliance`` and ``simbias.compare``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._blocks import block_words
from ._data import given
from ._errors import InputError
from ._models import as_model, model_name
from ._results import Audit, Comparison, Reliance, Result
from ._run import Call, flags, run


def reliance(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    blocks: Any = None,
    repeats: int = 10,
    names: Sequence[str] | None = None,
    strata: Any = None,
    max_rows: int | None = None,
    missing: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: str = "cpu",
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> Reliance:
    """Which parts of its input does a model rely on, and which predictive parts does it ignore?

    Every block is replaced by the values of another row, again and again; the drop of the metric says how much the model
    needs the block. With everything else replaced, it says how far the block carries alone.

    Args:
        model: A function from rows to scores, an estimator or pipeline of scikit-learn, a module of torch (evaluation mode,
            no gradients), an ONNX file or session, the folder of a run; or a list of models of several training seeds. It
            gets rows in the form of ``X``: a model for a data frame gets your data frame with exchanged cells. Scores have
            shape [rows], [rows, 1] or [rows, classes]; logits, not probabilities.
        X: Rows that the model has not seen: as for :func:`simbias.audit`.
        y: Labels, shape [rows]; or the name of the column with the labels.
        blocks: Parts of the input: ``"grid:3x3"``, a file, or ``{"age and sex": ["age", "sex"]}``; proposed from the data
            when not given.
        repeats: Donor maps: 10 for a look, 30 for a report.
        names: Names of the columns of an array.
        strata: Columns that group the rows, by name; or arrays by name. Never input.
        max_rows: At most this many rows, evenly spaced.
        missing: What to do with missing cells: "error", "mean", "drop", "keep" or "indicate". Models that take your data
            frame get its missing cells as they are.
        seed: Root of all randomness.
        threads: Threads to compute with; all cores when not given. The result does not depend on it.
        device: Device of a network of this tool.
        out: New folder that keeps report and results.
        progress: Whether to show progress; None shows it on terminals and in notebooks.
        **options: Flags of ``simbias reliance run``, such as ``mode="within-class"``, ``pairs=True`` or
            ``fail_on="exclusive"``.

    Returns:
        The answer: ``.summary``, ``.table("blocks")``, ``.show()``.

    Raises:
        InputError: Rows, labels, a model or arguments that cannot be used. What the model itself raised is its cause.

    Example:
        >>> import numpy as np, simbias
        >>> X = np.random.default_rng(0).normal(size=(500, 2))
        >>> found = simbias.reliance(lambda rows: rows[:, 1], X, X[:, 1] > 0, names=["a", "b"], progress=False)
        >>> sorted((row["block"], row["verdict"]) for row in found.rows("blocks"))
        [('a', 'unused'), ('b', 'exclusive')]
    """
    with tempfile.TemporaryDirectory(prefix="simbias-in-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        models = list(model) if isinstance(model, (list, tuple)) else [model]
        if not models:
            raise InputError("model is an empty list; give a model")
        is_path = isinstance(X, (str, os.PathLike))
        data = given(
            X,
            y,
            strata=strata,
            names=names,
            max_rows=None if is_path else max_rows,
            drops=missing == "drop" and all(isinstance(one, (str, os.PathLike)) for one in models),
            folder=folder,
        )
        words = ["reliance", "run", "--data", *data.words, *data.flags]
        scorers: dict[str, dict[str, Any]] = {}
        for index, one in enumerate(models):
            name = model_name(one)
            if name in scorers or len([other for other in models if model_name(other) == name]) > 1:
                name = f"{name} {index + 1}" if not isinstance(one, (str, os.PathLike)) else name
            opened = as_model(one, data, folder, name)
            words += ["--model", opened if isinstance(opened, str) else name]
            if not isinstance(opened, str):
                scorers[name] = opened
                options.setdefault("batch", opened["batch"])
        if missing is None and scorers and hasattr(data.own, "columns"):
            missing = "keep"
        settings = {"repeats": repeats, "missing": missing, "max_rows": max_rows if is_path else None, **options}
        if options.get("complement") is False:
            settings |= {"complement": None, "no_complement": True}
        words += block_words(blocks, data.own, folder) + flags(settings)
        rows = {data.words[0]: data.rows} if data.rows is not None else {}
        call = Call(words, "simbias.reliance", rows, scorers)
        return Reliance(run(call, out=out, seed=seed, threads=threads, device=device, progress=progress))


def compare(
    before: Reliance | Audit | str | os.PathLike[str],
    after: Reliance | Audit | str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Comparison:
    """Did a change make a model use more of its input, or merely something else?

    Args:
        before: What was measured: an answer of :func:`simbias.reliance` or :func:`simbias.audit`, or the folder or
            result.json of a run.
        after: The same for the other model, on the same rows and blocks.
        out: New folder that keeps report and results.
        **options: Flags of ``simbias reliance compare``.

    Returns:
        The answer: ``.summary``, ``.show()``.

    Raises:
        InputError: Measurements of other rows or blocks.

    Example:
        >>> import numpy as np, simbias
        >>> X = np.random.default_rng(0).normal(size=(500, 2))
        >>> y = X[:, 0] + X[:, 1] > 0
        >>> one = simbias.reliance(lambda rows: rows[:, 0], X, y, progress=False)
        >>> both = simbias.reliance(lambda rows: rows.sum(axis=1), X, y, progress=False)
        >>> type(simbias.compare(one, both)).__name__
        'Comparison'
    """
    words = ["reliance", "compare", _result(before), _result(after), *flags(options)]
    return Comparison(run(Call(words, "simbias.compare"), out=out, progress=False))


def _result(answer: Any) -> str:
    if isinstance(answer, Result):
        return str(answer.folder / "result.json")
    if not isinstance(answer, (str, os.PathLike)):
        raise InputError(
            f"compare takes answers of simbias.reliance or simbias.audit, or folders of runs, not {type(answer).__name__}"
        )
    path = Path(answer)
    return str(path / "result.json" if path.is_dir() else path)
