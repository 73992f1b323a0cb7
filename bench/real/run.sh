#!/bin/sh
# Audits of data from elsewhere: photographs of solar cells (PyPI elpv-dataset, CC BY-NC-SA 4.0, not kept
# in this repository) and the breast-cancer table that comes with scikit-learn (UCI, CC BY 4.0). Installs both
# packages into bench/.cache unless PYTHON names an interpreter that has them. Reports go to bench/.cache/real;
# the figures that docs/audit.md quotes are printed at the end. About ten minutes on two cores.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
cache=bench/.cache/real
mkdir -p "$cache"
if [ -z "${PYTHON:-}" ]; then
    [ -d "$cache/venv" ] || python3 -m venv "$cache/venv"
    PYTHON="$cache/venv/bin/python"
    "$PYTHON" -m pip install --quiet elpv-dataset scikit-learn
fi
cargo build --release --quiet
simbias="${CARGO_TARGET_DIR:-target}/release/simbias"
"$PYTHON" "$here/prepare.py" "$cache"

audit() {
    out="$cache/$1"
    shift
    rm -rf "$out"
    "$simbias" audit "$@" --out "$out" > "$out.txt"
}
cells="$cache/cells/labels.csv --labels defect --label-threshold 0.5 --strata type --image-size 48x48"
cells="$cells --max-steps 600 --repeats 10"
# shellcheck disable=SC2086 # the flags of a data set are separate words
audit cells-grid $cells --blocks grid:3x3 --solo-steps 400 --remedies rotating-permutation,last-layer
# shellcheck disable=SC2086
audit cells-bands $cells --blocks bands:4 --solo-steps 400 --remedies none
# shellcheck disable=SC2086
audit cells-bands-same-type $cells --blocks bands:4 --mode within-stratum --solo-steps 0 --remedies none
audit tumours "$cache/tumours.csv" --labels malignant
"$PYTHON" "$here/figures.py" "$cache"
