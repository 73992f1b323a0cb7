#!/usr/bin/env bash
# Spectra of a checkpoint beside WeightWatcher, FARMS' procedure in PyTorch, and SciPy's singular values: the
# same weights, the same machine, the same run, two threads each. Prints ratios; results that should be equal are
# compared first, and the run ends with 1 when they are not.
#
# Peers come from the interpreter named by PYTHON; without it they are installed once into bench/.cache.
# SIMBIAS names a built program; without it one is built. Options go to compare.py (--parts, --layers, --per-axis, --repeats).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
if [ -z "${PYTHON:-}" ]; then
    venv=bench/.cache/spectrum
    if [ ! -x "$venv/bin/python" ]; then
        python3 -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --requirement "$here/requirements.txt"
    fi
    PYTHON=$venv/bin/python
fi
target=${CARGO_TARGET_DIR:-target}
if [ -z "${SIMBIAS:-}" ]; then
    cargo build --release --quiet --package simbias-cli
    SIMBIAS=$target/release/simbias
fi
cargo build --release --quiet --package simbias-bench --bin eigenvalue_speed
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" "$here/compare.py" --program "$SIMBIAS" --eigenvalues "$target/release/eigenvalue_speed" --work "$work" "$@"
