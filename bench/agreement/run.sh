#!/usr/bin/env bash
# Block reliance beside scikit-learn's permutation_importance, mlxtend's feature_importance_permutation and
# Captum's FeaturePermutation: the same rows, the same network. Prints a table and exits with 1 when a
# judged figure differs by more than its tolerance.
#
# Peers come from the interpreter named by PYTHON; without it they are installed once into bench/.cache.
# SIMBIAS names a built program; without it one is built. Options go to compare.py (--rows, --repeats, --seed).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
if [ -z "${PYTHON:-}" ]; then
    venv=bench/.cache/agreement
    if [ ! -x "$venv/bin/python" ]; then
        python3 -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --requirement "$here/requirements.txt"
    fi
    PYTHON=$venv/bin/python
fi
if [ -z "${SIMBIAS:-}" ]; then
    cargo build --release --quiet --package simbias-cli
    SIMBIAS=${CARGO_TARGET_DIR:-target}/release/simbias
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" "$here/compare.py" --program "$SIMBIAS" --work "$work" "$@"
