"""Writes kjv.txt.gz: Genesis to Ruth of the King James Version, one verse per line.

Needs the Debian packages `bible-kjv` (the program) and `bible-kjv-text` (the text). Standard library only.
"""

import gzip
import subprocess
from pathlib import Path

FIRST, LAST = "Gen1:1", "Ruth4:22"


def main():
    printed = subprocess.run(["bible", "-f", f"{FIRST}-{LAST}"], check=True, capture_output=True).stdout
    # Every line begins with book, chapter and verse.
    verses = [line.split(" ", 1)[1] for line in printed.decode("ascii").splitlines()]
    text = "\n".join(verses) + "\n"
    # Neither name nor time is stored, so that the file depends on the text alone.
    Path(__file__).with_name("kjv.txt.gz").write_bytes(gzip.compress(text.encode("ascii"), 9, mtime=0))


if __name__ == "__main__":
    main()
