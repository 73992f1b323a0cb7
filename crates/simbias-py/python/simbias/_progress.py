"""Progress of long work, in a terminal and in a notebook."""

from __future__ import annotations

import html
import sys
import time
from types import TracebackType
from typing import Any

# Shorter work shows no bar.
_QUIET_SECONDS = 0.5
_WIDTH = 30


def display(wanted: bool | None) -> "Silent":
    """What shows progress: nothing, a line of a terminal, or a bar in a notebook. None means where somebody looks."""
    if wanted is False:
        return Silent()
    if _is_notebook():
        return Notebook()
    if wanted or sys.stderr.isatty():
        return Terminal()
    return Silent()


def _is_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


class Silent:
    """Shows nothing."""

    def __enter__(self) -> "Silent":
        self.started = time.monotonic()
        self.stage = ("", self.started)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def say(self, words: str) -> None:
        """Shows words for the user."""

    def advance(self, label: str, done: int, total: int, remark: str) -> None:
        """Shows how far the work is."""

    def close(self) -> None:
        """Takes the bar away."""

    def _left(self, label: str, done: int, total: int) -> str:
        """Elapsed time, and the time that is left at this speed."""
        now = time.monotonic()
        if label != self.stage[0]:
            self.stage = (label, now)
        elapsed = now - self.started
        of_stage = now - self.stage[1]
        if not 0 < done < total or of_stage < 1:
            return f"{elapsed:.0f} s"
        return f"{elapsed:.0f} s, about {of_stage * (total - done) / done:.0f} s left"

    def _is_short(self) -> bool:
        return time.monotonic() - self.started < _QUIET_SECONDS


class Terminal(Silent):
    """A line on standard error."""

    drawn = 0

    def say(self, words: str) -> None:
        self.close()
        print(words, file=sys.stderr, flush=True)

    def advance(self, label: str, done: int, total: int, remark: str) -> None:
        if self._is_short():
            return
        share = done / total if total else 0.0
        filled = round(_WIDTH * share)
        bar = "█" * filled + "·" * (_WIDTH - filled)
        line = f"{label} {bar} {self._left(label, done, total)}"
        print("\r" + line.ljust(self.drawn), end="", file=sys.stderr, flush=True)
        self.drawn = len(line)

    def close(self) -> None:
        if self.drawn:
            print("\r" + " " * self.drawn + "\r", end="", file=sys.stderr, flush=True)
            self.drawn = 0


class Notebook(Silent):
    """A bar in the output of a cell."""

    handle: Any = None

    def say(self, words: str) -> None:
        print(words, file=sys.stderr)

    def advance(self, label: str, done: int, total: int, remark: str) -> None:
        if self._is_short():
            return
        from IPython.display import HTML, display

        left = html.escape(self._left(label, done, total))
        text = html.escape(label)
        shown = HTML(  # type: ignore[no-untyped-call]
            f'<progress value="{done}" max="{max(total, 1)}"></progress> {text} · {left}'
        )
        if self.handle is None:
            self.handle = display(shown, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self.handle.update(shown)

    def close(self) -> None:
        if self.handle is not None:
            from IPython.display import HTML

            self.handle.update(HTML(""))  # type: ignore[no-untyped-call]
            self.handle = None
