#!/usr/bin/env python3
"""Runs the recipes of the documentation as they stand, in one empty folder, in their order.

    tests/recipes.py [--binary target/release/simbias] [--only WORDS,WORDS] [--keep DIR]

A recipe is a section of `docs/recipes.md`; its blocks of `sh` and `python` run one after the other. A recipe that needs
a Python package which this interpreter lacks is skipped, and this is said; the exit code is 1 if any recipe fails.
"""

import argparse
import ast
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def recipes(text):
    """Title and blocks (language, code) of every section that has blocks."""
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        blocks = BLOCK.findall(section)
        if blocks:
            yield section.splitlines()[0], blocks


def lacking(blocks):
    """Packages that the Python blocks import and this interpreter lacks."""
    names = set()
    for language, code in blocks:
        if language == "python":
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.Import):
                    names.update(alias.name.split(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    names.add(node.module.split(".")[0])
                elif isinstance(node, ast.Attribute) and node.attr == "onnx":
                    names.add("onnx")
    return sorted(name for name in names if importlib.util.find_spec(name) is None)


def run(blocks, folder, environment):
    """The output of the first block that fails; nothing if all succeed."""
    for language, code in blocks:
        command = ["bash", "-euo", "pipefail", "-c", code] if language == "sh" else [sys.executable, "-c", code]
        ended = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True)
        if ended.returncode != 0:
            return f"{code}\n{ended.stdout}{ended.stderr}"
    return None


def main():
    built = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/simbias"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=built)
    parser.add_argument("--only", default="", metavar="WORDS,…", help="recipes with any of these words in their titles")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in this folder and leave it")
    arguments = parser.parse_args()
    if not arguments.binary.is_file():
        parser.error(f"there is no program {arguments.binary}; build it, or name another with --binary")
    paths = [arguments.binary.resolve().parent, Path(sys.executable).parent]
    environment = dict(os.environ, PATH=os.pathsep.join([*map(str, paths), os.environ["PATH"]]))
    n_failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for title, blocks in recipes((ROOT / "docs/recipes.md").read_text(encoding="utf-8")):
            if not any(words.strip().lower() in title.lower() for words in arguments.only.split(",")):
                continue
            if missing := lacking(blocks):
                print(f"skipped  {title} (no package {', '.join(missing)})")
                continue
            started = time.monotonic()
            failure = run(blocks, folder, environment)
            n_failed += failure is not None
            print(f"{'FAILED' if failure else 'works '}   {title} ({time.monotonic() - started:.1f} s)", flush=True)
            if failure:
                print(failure)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
