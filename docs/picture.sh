#!/usr/bin/env bash
# Renews the pictures of README and gallery: docs/picture.sh, after docs/gallery.sh.
# Needs Chromium; CHROMIUM=… names it where it has another name.
set -euo pipefail
cd "$(dirname "$0")"
chromium=${CHROMIUM:-chromium}
command -v "$chromium" >/dev/null || { echo "Chromium is needed; name it with CHROMIUM=…" >&2; exit 1; }
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

for report in gallery/*.html; do
    name=$(basename "$report" .html)
    # The first screen, once the charts are drawn.
    timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
        --user-data-dir="$profile" --virtual-time-budget=10000 --window-size=1000,640 \
        --screenshot="$PWD/images/$name.png" "file://$PWD/$report" 2>/dev/null
    test -s "images/$name.png" || { echo "no picture of $report" >&2; exit 1; }
    echo "docs/images/$name.png"
done
