"""Compares two folders that were kept, file by file."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from . import formats
from .pages import page_parts
from .texts import Words

# What may differ between two runs of one command.
MEASURED = {"wall_seconds", "cpu_seconds", "peak_memory_bytes", "started", "date"}
# The key that names the schema of a result, before and after it got one name everywhere.
SCHEMA_KEYS = ("version", "schema")


class Number(str):
    """A number as it stands in the file, so that the last digit counts."""


@dataclass(frozen=True)
class Difference:
    """One place of a file (or the whole file or folder) where the folders differ."""

    file: str
    place: str
    old: str
    new: str


def compare(old, new, ignore_words=False, only=None, only_common=False):
    """All differences between two kept folders, in the order of their files, and the number of files in both."""
    words = Words(ignore_words)
    names = []
    for side in (old, new):
        files = (str(path.relative_to(side)) for path in side.rglob("*") if path.is_file())
        names.append({name for name in files if not only or any(word in name for word in only)})
    found = [Difference(name, "", "present", "absent") for name in missing(*names)]
    found += [Difference(name, "", "absent", "present") for name in missing(*reversed(names))]
    if only_common:
        found = [difference for difference in found if difference.file != folder_of(difference.file)]
    common = names[0] & names[1]
    for name in common:
        found += [Difference(name, *difference) for difference in compare_file(name, old / name, new / name, words)]
    return sorted(found, key=lambda difference: difference.file), len(common)


def missing(here, there):
    """What is here and not there: files, or whole folders of `runs` of which nothing is there."""
    folders = {folder_of(name) for name in there}
    return {name if folder_of(name) in folders else folder_of(name) for name in here - there}


def folder_of(name):
    """The run directory of a file, or the file itself where it lies in none."""
    return "/".join(name.split("/")[:2])


def compare_file(name, old, new, words):
    """Differences of one file as `(place, old, new)`."""
    contents = old.read_bytes(), new.read_bytes()
    if contents[0] == contents[1]:
        return []
    suffix = Path(name).suffix
    if suffix == ".safetensors":
        return compare_tensors(*contents)
    try:
        texts = [content.decode() for content in contents]
    except UnicodeDecodeError:
        return [("", f"{len(contents[0])} bytes", f"{len(contents[1])} other bytes")]
    if suffix == ".html":
        return compare_pages(*texts, words)
    trees = [parsed(text) for text in texts]
    if all(isinstance(tree, (dict, list)) for tree in trees):
        return compare_trees("", *trees, words, is_result="result" in name or suffix == ".out")
    if suffix == ".csv":
        return compare_tables(*texts, words)
    if name.startswith("said"):
        return words.compare_said(Path(name).name, *texts)
    return compare_lines(*(text.splitlines() for text in texts), words)


def parsed(text):
    """The JSON document, with numbers as they are written; None where the text is not one."""
    try:
        return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)
    except ValueError:
        return None


def compare_trees(place, old, new, words, is_result):
    """Differences of two JSON values."""
    if isinstance(old, dict) and isinstance(new, dict):
        old, new = without_measured(old, is_result), without_measured(new, is_result)
        keys = [[key for key in side if key != "schema"] for side in (old, new)]
        if keys[0] != keys[1] and sorted(keys[0]) == sorted(keys[1]):
            return [(f"{place} order of keys", ", ".join(keys[0]), ", ".join(keys[1]))]
        found = []
        for key in dict.fromkeys([*old, *new]):
            inner = f"{place}/{key}"
            if key not in old or key not in new:
                found.append((inner, shown(old.get(key, "absent")), shown(new.get(key, "absent"))))
            else:
                found += compare_trees(inner, old[key], new[key], words, is_result)
        return found
    if isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            return [(place, f"{len(old)} entries", f"{len(new)} entries")]
        pairs = enumerate(zip(old, new))
        return [found for index, pair in pairs for found in compare_trees(f"{place}/{index}", *pair, words, is_result)]
    if type(old) is str and type(new) is str:
        return [] if words.are_equal(old, new) else [(place, old, new)]
    return [] if type(old) is type(new) and old == new else [(place, shown(old), shown(new))]


def without_measured(tree, is_result):
    """The object without times, memory and the version of the program; a schema goes by one name."""
    kept = {}
    for key, value in tree.items():
        names_schema = key in SCHEMA_KEYS and isinstance(value, str) and value.startswith("simbias.")
        if is_result and names_schema:
            kept["schema"] = value
        elif key not in MEASURED and (key != "version" or names_schema):
            kept[key] = value
    # The fingerprint of a result changes with the name of its schema's key.
    if str(kept.get("name", "")).endswith("result.json"):
        kept.pop("fingerprint", None)
    return kept


def shown(value):
    return value if isinstance(value, str) else json.dumps(value)


def compare_tensors(old, new):
    """Differences of two .safetensors files, tensor by tensor."""
    try:
        (old_header, old_tensors), (new_header, new_tensors) = map(formats.read_safetensors, (old, new))
    except (ValueError, KeyError) as error:
        return [("", "bytes", f"other bytes; not safetensors: {error}")]
    found = compare_trees(" header", old_header, new_header, Words(False), is_result=False)
    for name in old_tensors.keys() & new_tensors.keys():
        a, b = old_tensors[name], new_tensors[name]
        if a != b:
            n_bytes = sum(left != right for left, right in zip(a, b)) + abs(len(a) - len(b))
            found.append((f"::{name}", f"{len(a)} bytes", f"{n_bytes} of them differ"))
    return found or [("", "bytes", "the same tensors in another order or with other padding")]


def compare_pages(old, new, words):
    """Differences of two pages: the data behind tables and charts, then the words."""
    (old_data, old_texts), (new_data, new_texts) = page_parts(old), page_parts(new)
    found = compare_trees(" data", parsed(old_data), parsed(new_data), words, is_result=False)
    return found + compare_lines(old_texts, new_texts, words, unit="text")


def compare_tables(old, new, words):
    """Differences of two CSV files, cell by cell."""
    old, new = (list(csv.reader(text.splitlines())) for text in (old, new))
    if [len(row) for row in old] != [len(row) for row in new]:
        return compare_lines(*([",".join(row) for row in side] for side in (old, new)), Words(False))
    cells = [
        (f" line {line}, column {column}", *pair)
        for line, rows in enumerate(zip(old, new), 1)
        for column, pair in enumerate(zip(*rows), 1)
    ]
    return [cell for cell in cells if not words.are_equal(*cell[1:])]


def compare_lines(old, new, words, unit="line"):
    """Differences of two lists of texts."""
    if len(old) != len(new):
        place = next((index for index, pair in enumerate(zip(old, new)) if pair[0] != pair[1]), min(len(old), len(new)))
        first = [side[place] if place < len(side) else "the end" for side in (old, new)]
        return [(f" {unit} {place + 1}", f"{first[0]} ({len(old)} {unit}s)", f"{first[1]} ({len(new)} {unit}s)")]
    pairs = enumerate(zip(old, new), 1)
    return [(f" {unit} {index}", a, b) for index, (a, b) in pairs if not words.are_equal(a, b)]
