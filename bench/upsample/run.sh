#!/bin/sh
# The selection of slow examples, beside a loop over the classes with scikit-learn's KMeans, ten starts each, on the same
# outputs and as many threads. Needs numpy and scikit-learn in the interpreter named by PYTHON (default python3).
# Prints a table; exits with 1 when the clusters of simbias are worse by more than a thousandth.
# Arguments: pairs of examples and classes, such as 1000000x10.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
cargo build --release --quiet --package simbias-bench --bin upsample_speed
exec "${PYTHON:-python3}" "$here/compare.py" \
    "${CARGO_TARGET_DIR:-target}/release/upsample_speed" "$@"
