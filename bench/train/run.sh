#!/bin/sh
# Training steps of the (100,2) FCN, the small CNN, ResNet-18 (width 16) and a six-layer network, and single convolutions,
# beside PyTorch with the same layers, optimiser and number of threads, in turns; then the peak memory of ResNet-18.
# Needs torch in the interpreter named by PYTHON (default python3).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
cargo build --release --quiet --package simbias-bench --bin step_speed --bin convolution_speed
exec "${PYTHON:-python3}" "$here/compare.py" "${CARGO_TARGET_DIR:-target}/release" "$@"
