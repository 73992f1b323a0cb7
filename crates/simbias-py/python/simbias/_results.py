"""Answers: small objects around the folder of a run."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import tempfile
import webbrowser
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _native
from ._errors import InputError
from ._run import Ended

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped]

_TEXT_WIDTH = 100


class Result:
    """What a tool found.

    In a notebook it shows its report; ``print(result)`` gives it as text.
    """

    def __init__(self, ended: Ended) -> None:
        self.folder = ended.folder
        """Folder with report.html, result.json and csv/; a temporary one unless ``out`` named it."""
        self._keeper: Any = ended.keeper
        self.has_bad_verdict = ended.is_bad
        """Whether the answer has a verdict that ``fail_on`` named."""
        self._report_text = (self.folder / "report.json").read_text(encoding="utf-8")
        self._report: dict[str, Any] = json.loads(self._report_text)

    @property
    def title(self) -> str:
        """Heading of the report."""
        return str(self._report["title"])

    @property
    def summary(self) -> str:
        """The answer in plain language, a line for each statement."""
        return "\n".join(self._report["summary"])

    @property
    def tables(self) -> list[str]:
        """Names of all tables."""
        return sorted(path.stem for path in (self.folder / "csv").glob("*.csv"))

    def rows(self, name: str) -> list[dict[str, Any]]:
        """One table as a list of rows; numbers are numbers, and empty cells are None.

        Raises InputError for an unknown name.
        """
        self._check_folder()
        path = self.folder / "csv" / f"{name}.csv"
        if not path.is_file():
            raise InputError(f"there is no table {name!r}; there are {', '.join(self.tables)}")
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows: list[dict[str, Any]] = list(reader)
            columns = reader.fieldnames or []
        words = self._text_columns(name)
        for column in columns:
            is_text = column in words
            cells = [None if row[column] == "" else row[column] for row in rows]
            for row, cell in zip(rows, cells if is_text else _numbers(cells), strict=True):
                row[column] = cell
        return rows

    def _text_columns(self, name: str) -> set[str]:
        """Columns of a table that hold texts, even where they look like numbers."""
        elements = [element for section in self._report["sections"] for element in section["elements"]]
        tables = [element["table"] for element in elements if "table" in element]
        nothing: dict[str, Any] = {"columns": [], "rows": []}
        table = next((table for table in tables if table["id"] == name), nothing)
        columns = [column["name"] for column in table["columns"]]
        cells = [pair for row in table["rows"] for pair in zip(columns, row, strict=False)]
        return {column for column, cell in cells if isinstance(cell, dict) and "text" in cell}

    def table(self, name: str) -> pandas.DataFrame:
        """One table as a data frame of pandas.

        Raises InputError for an unknown name, ImportError without pandas: ``rows`` needs none.
        """
        import pandas

        return pandas.DataFrame(self.rows(name))

    def to_dict(self) -> dict[str, Any]:
        """The answer for programs: what result.json holds."""
        self._check_folder()
        text = (self.folder / "result.json").read_text(encoding="utf-8")
        result: dict[str, Any] = json.loads(text)
        return result

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Keeps everything in a new folder, as the command line does. Returns its path.

        Raises InputError for a folder that exists and is not empty.
        """
        self._check_folder()
        target = Path(folder)
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise InputError(f"{str(target)!r} exists and is not an empty folder; results are never overwritten")
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            partial.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(self.folder, partial)
            if target.exists():
                target.rmdir()
            partial.rename(target)
        except OSError as error:
            raise InputError(f"cannot write {str(target)!r}: {error}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return target

    def _check_folder(self) -> None:
        if not self.folder.is_dir():
            raise InputError(f"the folder {str(self.folder)!r} of this answer is gone; keep answers with save()")

    def __getstate__(self) -> dict[str, Any]:
        """An answer is copied and pickled with its folder."""
        self._check_folder()
        with tempfile.TemporaryDirectory(prefix="simbias-") as place:
            archive = shutil.make_archive(str(Path(place) / "run"), "zip", self.folder)
            content = Path(archive).read_bytes()
        kept = {name: value for name, value in self.__dict__.items() if name not in ("_keeper", "folder")}
        return {**kept, "content": content}

    def __setstate__(self, state: dict[str, Any]) -> None:
        content = state.pop("content")
        self.__dict__.update(state)
        self._keeper = tempfile.TemporaryDirectory(prefix="simbias-", ignore_cleanup_errors=True)
        self.folder = Path(self._keeper.name) / "run"
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(self.folder)

    def show(self) -> None:
        """Opens the whole report in a browser."""
        webbrowser.open((self.folder / "report.html").resolve().as_uri())

    def _repr_html_(self) -> str:
        return _native.notebook(self._report_text)

    def __str__(self) -> str:
        return _native.text(self._report_text, _TEXT_WIDTH)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.title}>\n{self.summary}"


def _numbers(cells: list[str | None]) -> list[Any]:
    """The cells as numbers if all are, otherwise as they are."""
    for kind in (int, float):
        try:
            return [None if cell is None else kind(cell) for cell in cells]
        except ValueError:
            continue
    return list(cells)


class Audit(Result):
    """What a network relies on, what it ignores, and what remedies change."""


class Reliance(Result):
    """Which parts of the input a model relies on. ``table("blocks")`` has a row for each block."""


class Comparison(Result):
    """What changed from one model to another."""


class Spectrum(Result):
    """What the weights say about the layers. ``table("layers")`` has a row for each layer."""


class LearningRates(Result):
    """A learning rate for every layer."""

    @property
    def rates(self) -> dict[str, float]:
        """Learning rates by name of the parameter."""
        groups = json.loads((self.folder / "rates.json").read_text(encoding="utf-8"))["groups"]
        return {name: group["learning_rate"] for group in groups for name in group["parameters"]}

    def param_groups(self, module: Any) -> list[dict[str, Any]]:
        """Groups of parameters for an optimiser of torch: ``torch.optim.SGD(rates.param_groups(model), lr=0.1)``.

        Parameters without a rate of their own, such as biases, take the optimiser's.
        """
        rates = self.rates
        groups: dict[float | None, dict[str, Any]] = {}
        for name, parameter in module.named_parameters():
            rate = rates.get(name)
            group = groups.setdefault(rate, {"params": []} if rate is None else {"params": [], "lr": rate})
            group["params"].append(parameter)
        return list(groups.values())


class Sparsities(Result):
    """A share of zeros for every layer."""

    @property
    def ratios(self) -> dict[str, float]:
        """Shares of zeros by name of the tensor."""
        found = json.loads((self.folder / "sparsities.json").read_text(encoding="utf-8"))
        return {name: layer["ratio"] for layer in found["layers"] for name in layer["tensors"]}
