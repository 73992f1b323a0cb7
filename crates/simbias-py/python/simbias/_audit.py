"""``simbias.audit``."""

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
from ._results import Audit
from ._run import Call, flags, run


def audit(
    X: Any = None,
    y: Any = None,
    *,
    model: Any = None,
    blocks: Any = None,
    test: tuple[Any, Any] | None = None,
    names: Sequence[str] | None = None,
    strata: Any = None,
    network: str = "auto",
    quick: bool = False,
    repeats: int | None = None,
    minutes: float | None = None,
    remedies: Sequence[str] | str | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: str = "cpu",
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> Audit:
    """What does a network use of your data, what does it ignore, and what do remedies change?

    Trains a network on the rows (or takes yours), measures how much it needs every block of its input, and looks at
    every single column or property of the images first: a leak or a shortcut is named at the top.

    Args:
        X: Rows: an array of shape [rows, columns] or [rows, channels, height, width] or [rows, height, width, channels], a
            data frame of pandas or polars, a CPU tensor of torch, arrays by name, a list of pictures, or a path (table,
            folder of images, array). None audits the embedded digits.
        y: Labels, shape [rows]; or the name of the column with the labels.
        model: Model to audit in place of a network that is trained: a function from rows to logits, an estimator of
            scikit-learn or a module of torch on arrays, an ONNX file, or the folder of a run.
        blocks: Parts of the input: ``"grid:3x3"``, ``"correlation:0.7"``, a file, or ``{"name": columns}``; proposed
            from the data when not given.
        test: Rows and labels for the test; otherwise a fifth of the rows.
        names: Names of the columns of an array.
        strata: Columns that group the rows, such as the hospital, by name; or arrays by name. Never input.
        network: Network that is trained: auto, fcn, cnn, …
        quick: Fewer rows, repeats and probes.
        repeats: Donor maps.
        minutes: What the audit may take on two cores; 5 when not given.
        remedies: Remedies to try; "none" for none.
        seed: Root of all randomness.
        threads: Threads to compute with; all cores when not given. The result does not depend on it.
        device: Device to train on.
        out: New folder that keeps report and results; an interrupted audit with it can be continued with ``resume``.
        progress: Whether to show progress; None shows it on terminals and in notebooks.
        **options: Flags of ``simbias audit``, such as ``missing="drop"``, ``image_size=(64, 64)`` or ``max_steps=500``.

    Returns:
        The answer: ``.summary``, ``.table("blocks")``, ``.show()``.

    Raises:
        InputError: Rows, labels or arguments that cannot be used.

    Example:
        >>> import numpy as np, simbias
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(600, 3))
        >>> y = (X[:, 0] + 0.3 * rng.normal(size=600) > 0).astype(int)
        >>> found = simbias.audit(X, y, names=["a", "b", "c"], quick=True, remedies="none", progress=False)
        >>> sorted(row["block"] for row in found.rows("blocks"))
        ['a', 'b', 'c']
    """
    settings = {
        "network": network,
        "quick": quick,
        "repeats": repeats,
        "minutes": minutes,
        "remedies": remedies,
        **options,
    }
    with tempfile.TemporaryDirectory(prefix="simbias-in-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        words = ["audit"]
        rows, models = {}, {}
        if X is not None:
            drops = options.get("missing") == "drop"
            data = given(X, y, strata=strata, names=names, test=test, drops=drops, folder=folder)
            words += [*data.words, *data.flags]
            if data.rows is not None:
                rows = {data.words[0]: data.rows}
            if model is not None:
                opened = as_model(model, data, folder, model_name(model))
                if isinstance(opened, str):
                    words += ["--model", opened]
                elif hasattr(data.own, "columns"):
                    raise InputError(
                        "an audit attacks its model with numbers, and this one takes a table; use simbias.reliance, or "
                        "give rows and model as arrays of numbers"
                    )
                else:
                    words += ["--model", opened["name"]]
                    settings.setdefault("batch", opened["batch"])
                    models = {opened["name"]: opened}
        elif y is not None or model is not None:
            raise InputError("X is missing: labels and models need rows")
        own = data.own if X is not None else None
        words += block_words(blocks, own, folder) + flags(settings)
        call = Call(words, "simbias.audit", rows, models)
        return Audit(run(call, out=out, seed=seed, threads=threads, device=device, progress=progress))
