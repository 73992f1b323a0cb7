#!/usr/bin/env bash
# Makes the reports of the gallery with the program itself, each where it is missing:
#   docs/gallery.sh            SIMBIAS=… names another program than target/release/simbias
# They are real runs on small data, about two minutes in all on two cores. They are built, not committed.
set -euo pipefail
cd "$(dirname "$0")/.."
simbias=$(realpath "${SIMBIAS:-${CARGO_TARGET_DIR:-target}/release/simbias}")
test -x "$simbias" || { echo "there is no program $simbias: cargo build --release --locked" >&2; exit 1; }
mkdir -p docs/gallery
cd docs/gallery
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# report NAME COMMAND…: runs the command and keeps its report as NAME.html, unless that is there.
report() {
    local name=$1
    shift
    if [ ! -s "$name.html" ]; then
        "$simbias" "$@" --out "$work/$name" --quiet
        cp "$work/$name/report.html" "$name.html"
    fi
}

# need FILE COMMAND…: what a report needs first.
need() {
    local file=$1
    shift
    test -e "$file" || "$simbias" "$@" --quiet
}

report audit-digits audit
report audit-table audit tumours.csv --labels target --minutes 1

if [ ! -s reliance.html ] || [ ! -s compare.html ]; then
    need "$work/slabs.safetensors" synth slab --preset hatlms7 --dim 10 --noise 0.3 --n 20000 --out "$work/slabs.safetensors"
    for run in short:200 long:3000; do
        need "$work/${run%:*}" train "$work/slabs.safetensors" --max-steps "${run#*:}" --out "$work/${run%:*}"
    done
fi
measured=(--data "$work/slabs.safetensors" --blocks "$work/slabs.blocks.toml")
report reliance reliance run --model "$work/short" "${measured[@]}"
if [ ! -s compare.html ]; then
    need "$work/reliance" reliance run --model "$work/short" "${measured[@]}" --out "$work/reliance"
    need "$work/after" reliance run --model "$work/long" "${measured[@]}" --out "$work/after"
    report compare reliance compare "$work/reliance/result.json" "$work/after/result.json"
fi

if [ ! -s spectrum.html ]; then
    need "$work/dominoes.safetensors" synth stand-in glyph-XOR-domino --out "$work/dominoes.safetensors"
    need "$work/resnet" train "$work/dominoes.safetensors" --network resnet18 --max-steps 10 --out "$work/resnet"
    report spectrum spectrum "$work/resnet/network.safetensors"
fi

report claims claims run P8-C1,P8-C2,P8-C3,P8-C12 --no-ledger
