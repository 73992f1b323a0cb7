#!/usr/bin/env bash
# Builds the documentation as a site: docs/build.sh, then open target/site/index.html.
#   docs/build.sh --serve      shows it on http://127.0.0.1:8000 and follows changes
# Needs Python 3.10 and the built program. The first time pip installs two packages into target/docs-venv; from then on
# nothing is fetched. Any warning, such as a broken link, ends the build.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=target/docs-venv
if ! cmp --silent docs/requirements.txt "$venv/requirements.txt"; then
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement docs/requirements.txt
    cp docs/requirements.txt "$venv/requirements.txt"
fi
docs/gallery.sh
# The theme's note about its successor says nothing about these pages.
export NO_MKDOCS_2_WARNING=1
case "${1:-}" in
    --serve) exec "$venv/bin/mkdocs" serve ;;
    "") "$venv/bin/mkdocs" build --strict --quiet ;;
    *) echo "docs/build.sh takes --serve or nothing, not $1" >&2; exit 2 ;;
esac
