"""The program ``simbias``: the same library as the package."""

import os
import sys

from . import _native
from ._run import onnx_runtime


def main() -> int:
    """Runs the command line; returns its exit code."""
    library = onnx_runtime()
    if library is not None:
        os.environ.setdefault("ORT_DYLIB_PATH", library)
    return _native.main(["simbias", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
