"""``simbias.claims``."""

from __future__ import annotations

import json
import os
from typing import Any

from ._run import Call, run


def claims(ledger: str | os.PathLike[str] | None = None) -> list[dict[str, Any]]:
    """What the papers claim and what was measured: a list of claims with criteria, figures and verdicts.

    Args:
        ledger: A ledger of your own, as ``simbias claims run`` writes it; that of this release when not given.

    Returns:
        A dictionary for each claim; ``pandas.DataFrame(simbias.claims())`` is a table of them.

    Example:
        >>> import simbias
        >>> simbias.claims()[0]["id"]
        'P2-C1'
    """
    words = ["claims", "list", "--json"]
    if ledger is not None:
        words += ["--ledger", os.fspath(ledger)]
    ended = run(Call(words, "simbias.claims"), progress=False, keeps_run=False)
    found: list[dict[str, Any]] = json.loads(ended.printed)["claims"]
    return found
