#!/usr/bin/env bash
# Reliance of a (100,2) FCN on 10 000 × 50 rows, 30 repeats, every block and its complement: simbias beside
# the same loop with PyTorch and scikit-learn, on the same rows, weights and donor maps, in one run.
#
# Needs Python with torch, scikit-learn and numpy: PYTHON=… bench/reliance/run.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo build --release --quiet --package simbias-bench --bin reliance_speed
exec "${PYTHON:-python3}" bench/reliance/compare.py --binary "${CARGO_TARGET_DIR:-target}/release/reliance_speed" --work "$work" "$@"
