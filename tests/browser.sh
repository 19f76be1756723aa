#!/usr/bin/env bash
# The dashboard in Chromium, on real servers. Installs nothing: `tests/run.sh` does, and runs `tests/browser.sh test`.
#
#   tests/browser.sh test [FILE..]   the tests, or some of them
#   tests/browser.sh frames          frame times with 1 000 deployments and live traffic: a table for docs/performance.md
#   tests/browser.sh pictures        the README's pictures, after an hour of traffic (MINUTES=..; DATA=.. goes on with a folder)
#
# QUOTA_SERVER names the server's program, CHROMIUM the browser's.
set -euo pipefail
cd "$(dirname "$0")/browser"

export QUOTA_SERVER="${QUOTA_SERVER:-${CARGO_TARGET_DIR:-$PWD/../../target}/debug/quota-server}"
[ -x "$QUOTA_SERVER" ] || { echo "tests/browser.sh: build $QUOTA_SERVER first" >&2; exit 1; }

command="${1:-test}"
shift || true
case "$command" in
    test) exec node --test --test-reporter=spec --test-timeout=120000 "$@" ;;
    frames) exec node frames.mjs ;;
    pictures)
        node pictures.mjs
        if command -v pngquant >/dev/null; then
            pngquant --force --skip-if-larger --speed 1 --ext .png ../../docs/pictures/dashboard-*.png
        fi
        ;;
    *) echo "tests/browser.sh: unknown command '$command'; it takes test, frames or pictures" >&2; exit 1 ;;
esac
