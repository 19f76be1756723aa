#!/usr/bin/env bash
# Tests the Python package and its LiteLLM plug-in, as they lie here, with pinned versions of what they are tested with, which it
# installs into target/venvs. Needs Rust, and Python 3.10 or newer with venv. What cannot be installed or imported fails.
#
#   tests/python.sh              all of it: some twenty minutes
#   tests/python.sh package      the package, without LiteLLM
#   tests/python.sh plugin       the plug-in: its parts, in the routers of two versions of LiteLLM, and in a proxy
#   tests/python.sh s1           S1 with five proxies of LiteLLM, with the plug-in and without it
set -euo pipefail
cd "$(dirname "$0")/.."

PROGRAMS=$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug

step() { printf '\n== %s\n' "$*"; }

die() {
    printf 'tests/python.sh: %s\n' "$*" >&2
    exit 1
}

# The packages that a list names, in a folder of their own.
packages() {
    local list=tests/python/$1.txt folder=target/venvs/$1
    cmp -s "$list" "$folder/installed" && return
    step "packages of $1"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check -r "$list"
    cp "$list" "$folder/installed"
}

# The package with the native half that is built now: of the whole workspace, so with the features that all else is built with.
stage() {
    step "build"
    cargo build --workspace --bins --lib
    local at=target/python/tokenlease
    rm -rf target/python
    mkdir -p $at
    ln -s "$PWD"/bindings/python/python/tokenlease/* $at
    ln -s "$PROGRAMS/lib_native.so" $at/_native.abi3.so
    export PYTHONPATH=$PWD/target/python PYTHONDONTWRITEBYTECODE=1 TOKENLEASE_PROGRAMS=$PROGRAMS
}

tests_with() {
    local name=$1
    shift
    packages "$name"
    step "$name: $*"
    (cd bindings/python/tests && "../../../target/venvs/$name/bin/python" -m pytest --quiet -p no:cacheprovider "$@")
}

package() { tests_with package test_draw.py test_client.py test_doctor.py test_processes.py; }

# The proxy of 1.110 needs a package, litellm-proxy, that pip does not find.
plugin() {
    local parts=(test_litellm_{alone,answers,attempts,hooks,quota,router}.py)
    tests_with litellm-1.83 "${parts[@]}" test_litellm_{doctor,proxy,faults}.py
    tests_with litellm-1.110 "${parts[@]}"
}

s1() {
    packages litellm-1.83
    local python=target/venvs/litellm-1.83/bin/python
    step "S1 with five proxies"
    "$python" tests/python/litellm_s1.py
    step "the same without the plug-in"
    "$python" tests/python/litellm_s1.py --without
}

main() {
    case "${1:-all}" in
        all) stage; package; plugin; s1 ;;
        package | plugin | s1) stage; "$1" ;;
        *) die "unknown argument '$1'; it takes package, plugin, s1, or nothing" ;;
    esac
}

main "$@"
