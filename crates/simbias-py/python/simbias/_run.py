"""Runs one command with data and models of this interpreter, shows its progress and listens for Ctrl-C."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import _native
from ._errors import InputError, message, usage
from ._progress import display

# How often progress is drawn and Ctrl-C is looked for, in seconds.
_LOOK = 0.1
# How long a command may take to end after Ctrl-C before this interpreter goes on without it.
_PATIENCE = 0.8


@dataclass
class Call:
    """A command with what its words name."""

    words: list[str]
    called_as: str
    rows: dict[str, Any] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Ended:
    """What a command left: the folder of its run, which exists as long as ``keeper`` does, and what it printed."""

    folder: Path
    keeper: object
    printed: str
    is_bad: bool


def flags(options: Mapping[str, Any]) -> list[str]:
    """Keyword arguments as flags: ``image_size=(64, 64)`` is ``--image-size 64x64``; None and False are left out."""
    words: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            words.append(flag)
        elif name == "image_size" and not isinstance(value, str):
            height, width = value if isinstance(value, Sequence) else (value, value)
            words.append(f"{flag}={height}x{width}")
        elif name in _JOINED and not isinstance(value, str):
            words.append(f"{flag}={','.join(str(one) for one in value)}")
        elif isinstance(value, (list, tuple, set, frozenset)):
            words += [f"{flag}={quoted(str(one)) if name in _NAMES else one}" for one in value]
        else:
            words.append(f"{flag}={quoted(str(value)) if name in _NAMES else value}")
    return words


# Flags whose words are split at commas outside double quotes, and flags that take one word with commas.
_NAMES = {"drop", "keep", "as_text", "strata", "missing_values"}
_JOINED = {"range", "classes", "remedies"}


def quoted(name: str) -> str:
    """A name for a flag whose words are split at commas."""
    return '"' + name.replace('"', '""') + '"' if "," in name or '"' in name else name


def onnx_runtime() -> str | None:
    """The folder with the library of an installed onnxruntime."""
    try:
        spec = importlib.util.find_spec("onnxruntime")
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or []) if spec else []
    folders = [Path(place) / "capi" for place in places]
    return next((str(folder) for folder in folders if folder.is_dir()), None)


def run(
    call: Call,
    *,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: str = "cpu",
    progress: bool | None = None,
    keeps_run: bool = True,
) -> Ended:
    """Runs ``call``. Its run goes to ``out``, or to a temporary folder that lives as long as the answer.

    Raises InputError for bad input, KeyboardInterrupt after Ctrl-C.
    """
    keeper = None
    words = list(call.words)
    if keeps_run:
        if out is None:
            keeper = tempfile.TemporaryDirectory(prefix="simbias-", ignore_cleanup_errors=True)
            folder = Path(keeper.name) / "run"
        else:
            folder = Path(out)
        words.append(f"--out={folder}")
    else:
        folder = Path()
    words += [f"--seed={seed}", f"--device={device}"]
    if threads is not None:
        if not isinstance(threads, int) or threads < 1:
            raise InputError("threads must be a whole number, 1 or more")
        words.append(f"--threads={threads}")
    task = _native.start(words, call.called_as, threads, call.rows, call.models, onnx_runtime())
    said: list[str] = []
    try:
        with display(progress) as shown:
            while not task.wait(_LOOK):
                said += _show(task, shown)
            said += _show(task, shown)
    except KeyboardInterrupt:
        task.stop()
        if not task.wait(_PATIENCE):
            # It saves what can be resumed; its folder must not go before.
            threading.Thread(target=_outlive, args=(task, keeper), daemon=True).start()
        kept = [words for words in said + task.said() if "--resume" in words or "goes on from there" in words]
        # Without a place of its own the run goes with this call.
        raise KeyboardInterrupt(message(kept[-1], None) if kept and out is not None else "") from None
    word, text, hint = task.ended()
    if word == "interrupted":
        raise KeyboardInterrupt
    if word == "bug":
        raise RuntimeError("simbias has hit an internal bug; please report what it wrote on standard error")
    raised = task.raised()
    if isinstance(raised, (KeyboardInterrupt, SystemExit)):
        raise raised
    if word == "input" and raised is not None:
        # The words are the user's own.
        raise InputError(text) from raised
    if word == "input":
        raise InputError(message(usage(text, call.called_as), hint))
    return Ended(folder, keeper, task.printed(), word == "bad-verdict")


def _show(task: _native.Task, shown: Any) -> list[str]:
    said = task.said()
    for words in said:
        shown.say(message(words, None))
    shown.advance(*task.progress())
    return said


def _outlive(task: _native.Task, keeper: object) -> None:
    while not task.wait(1.0):
        pass
    del keeper
