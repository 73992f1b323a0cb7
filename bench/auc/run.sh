#!/bin/sh
# ROC-AUC with DeLong variance on a million scores, beside scikit-learn's roc_auc_score on the same ones.
# Needs numpy and scikit-learn in the interpreter named by PYTHON (default python3). Prints a table and,
# as its last line, how many times faster; exits with 1 when the two areas differ by more than 1e-12.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
cargo build --release --quiet --package simbias-bench --bin auc_speed
exec "${PYTHON:-python3}" "$here/compare.py" \
    "${CARGO_TARGET_DIR:-target}/release/auc_speed" "$@"
