"""When two texts are equal: times, dates and versions aside, and words aside where the user asks for it."""

import re
from collections import Counter

DURATION = r"(?:\d+ h \d\d min|\d+ min \d\d s|\d+(?:\.\d+)? s)"
# What a run says of itself: when, how long, with which version.
MEASURED = [
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "TIME"),
    (re.compile(r"\b20\d\d-\d\d-\d\d\b"), "DATE"),
    (re.compile(rf"{DURATION} wall, {DURATION} CPU"), "DURATION"),
    (re.compile(r"\bsimbias \d+\.\d+\.\d+\S*"), "simbias VERSION"),
]
# Lines of progress come every few seconds, of which no two runs have the same.
PROGRESS = re.compile(rf"^.*: \d+/\d+\b.*, {DURATION}(?:, about {DURATION} left)?\n", re.MULTILINE)
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
# What a sentence may conclude; it counts even where words are ignored.
VERDICT = re.compile(
    r"\b(?:does not hold|holds|inconclusive|not (?:run|tested)|exclusive|dominant|shared|redundant|ignored|unused|passed|failed)\b", re.IGNORECASE
)
# What a page of help promises to scripts.
PROMISE = re.compile(r"--[a-z][a-z-]*|\[default: [^\]]*\]|\[possible values: [^\]]*\]")
# The terminal's layout of one and the same text depends on the lengths of times.
BLANKS = re.compile(r"\s+")


def without_measured(text):
    """The text with times, dates and versions replaced by their kinds."""
    for pattern, kind in MEASURED:
        text = pattern.sub(kind, text)
    return text


class Words:
    """Compares texts; with `ignore` a sentence, which is a text with a blank in it, counts by its numbers and verdicts."""

    def __init__(self, ignore):
        self.ignore = ignore

    def are_equal(self, old, new):
        old, new = without_measured(old), without_measured(new)
        if old == new:
            return True
        are_sentences = " " in old.strip() and " " in new.strip()
        return self.ignore and are_sentences and contents(old) == contents(new)

    def compare_said(self, name, old, new):
        """Differences of what the program printed, as `(place, old, new)`. Where words are ignored, help counts by its flags
        and defaults, other output by its numbers and verdicts, and messages not at all."""
        old, new = (without_measured(BLANKS.sub(" ", PROGRESS.sub("", text))) for text in (old, new))
        if not self.ignore:
            return [] if old == new else [first_difference(old, new)]
        if name.endswith(".err"):
            return []
        count = promises if name.startswith("help-") else contents
        old, new = count(old), count(new)
        return [(" in all", listed(old - new), listed(new - old))] if old != new else []


def listed(counter):
    return ", ".join(counter) or "nothing else"


def promises(text):
    return Counter(set(PROMISE.findall(text)))


def contents(text):
    """The numbers and verdicts of a text."""
    return Counter(NUMBER.findall(text) + [word.lower() for word in VERDICT.findall(text)])


def first_difference(old, new):
    """Some words around the first place that differs."""
    place = next((index for index, pair in enumerate(zip(old, new)) if pair[0] != pair[1]), min(len(old), len(new)))
    start = max(0, place - 40)
    return f" letter {place + 1}", f"…{old[start : place + 60]}…", f"…{new[start : place + 60]}…"
