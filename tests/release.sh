#!/usr/bin/env bash
# What makes a release, and what it has made.
#
#   tests/release.sh          the parts of release/ that need no build; tests/run.sh calls it
#   tests/release.sh made     what `release/build.sh` has left for this version: each part is installed and tried. As root, for the
#                             image's root; programs for another architecture are looked at only
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/common.sh

[ -x target/venv/bin/python ] || die "missing: the python packages; tests/run.sh installs them"
case "${1:-}" in
    "") tests=tests/release/test_parts.py ;;
    made) tests=tests/release/test_made.py ;;
    *) die "unknown argument '$1'; it takes made, or nothing" ;;
esac
tests/helm.sh helm
step release
target/venv/bin/python -m pytest --quiet -p no:cacheprovider "$tests"
