#!/bin/sh
# A training step of the (100,2) FCN (50 columns, batch 256) and of the small CNN (1×28×28, batch 64): simbias
# beside PyTorch with the same layers, optimiser and number of threads, in turns; then a table of where the
# CNN's time goes. Needs torch in the interpreter named by PYTHON (default python3).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
cargo build --release --quiet --package simbias-bench --bin step_speed --bin layer_cost
exec "${PYTHON:-python3}" "$here/compare.py" "${CARGO_TARGET_DIR:-target}/release" "$@"
