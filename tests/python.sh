#!/usr/bin/env bash
# Tests the Python package and its LiteLLM plug-in, as they lie here, with pinned versions of what they are tested with, which it
# installs into target/venvs. Needs Rust, and Python 3.10 or newer with venv. What cannot be installed or imported fails.
#
#   tests/python.sh              all of it but `bench`, `latency` and `versions`: an hour and more, what CI runs at night
#   tests/python.sh quick        what tests/run.sh does of it: the package, and the plug-in's parts
#   tests/python.sh tools        installs what `quick` needs, and no more
#   tests/python.sh package      the package, without LiteLLM
#   tests/python.sh plugin       the plug-in: its parts, in the routers and in the proxies of two versions of LiteLLM
#   tests/python.sh scenarios    S1, a burst and S3 with proxies and routers of both versions, with the plug-in and without it
#   tests/python.sh wheel        the wheels for glibc and musl, and the sdist, in target/wheels; `rustup` brings Rust for musl
#   tests/python.sh guide        pastes docs/litellm-start.md into a shell, line by line, with the wheel that is there
#   tests/python.sh bench        what the plug-in costs a request, beside LiteLLM's own limits on Redis
#   tests/python.sh latency      S4 with LiteLLM's latency routing, with the plug-in and without it, and with our gateway
#   tests/python.sh versions     the plug-in with each LiteLLM of tests/python/versions.txt: the table in docs/litellm-plugin.md
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/common.sh

ROOT=$PWD
PROGRAMS=$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug

# The packages that a list names, in a folder of their own.
packages() {
    local list=tests/python/$1.txt folder=target/venvs/$1
    cmp -s "$list" "$folder/installed" && return
    step "packages of $1"
    rm -rf "$folder"
    python3 tests/python/install.py "$list" "$folder"
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
    # LiteLLM asks the internet for its prices otherwise.
    export LITELLM_LOCAL_MODEL_COST_MAP=True
}

tests_with() {
    local name=$1
    shift
    packages "$name"
    step "$name: $*"
    (cd bindings/python/tests && "../../../target/venvs/$name/bin/python" -m pytest --quiet -p no:cacheprovider "$@")
}

package() { tests_with package test_draw.py test_client.py test_doctor.py test_processes.py; }

PARTS=(test_litellm_{alone,answers,attempts,hooks,limits,quota}.py)

LITELLMS=(litellm-1.83 litellm-1.110)

plugin() {
    for name in "${LITELLMS[@]}"; do
        tests_with "$name" "${PARTS[@]}" test_litellm_{router,doctor,proxy,faults}.py
    done
}

quick() {
    package
    for name in "${LITELLMS[@]}"; do tests_with "$name" "${PARTS[@]}"; done
}

tools() { for name in package "${LITELLMS[@]}"; do packages "$name"; done; }

# A script with the Python of a LiteLLM, and what the script takes.
play() {
    local name=$1 script=$2
    shift 2
    packages "$name"
    step "$name: $script $*"
    "target/venvs/$name/bin/python" "tests/python/litellm_$script.py" "$@"
}

bench() { play litellm-1.83 bench; }

latency() { for name in "${LITELLMS[@]}"; do play "$name" s4; done; }

scenarios() {
    for name in "${LITELLMS[@]}"; do
        play "$name" s1
        play "$name" s1 --without
        play "$name" s3
        play "$name" s3 --routers
    done
}

# Optimised (PROFILE names another profile of cargo's), linked by zig against a C library as old as the tag says, which maturin checks; one wheel for all CPythons from 3.9 on.
# They are built from the sdist, which so is tried too; of its lock file cargo drops the crates that are not in it.
wheel() {
    packages wheel
    step "wheels"
    local machine source=target/sdist
    machine=$(uname -m)
    rustup target add "$machine-unknown-linux-musl"
    rm -rf target/wheels $source
    mkdir -p $source
    maturin sdist --manifest-path bindings/python/Cargo.toml
    # With times of now: cargo goes by them, and has built another sdist here before.
    tar --extract --touch --gzip --file target/wheels/tokenlease-*.tar.gz --directory $source --strip-components 1
    built_wheel "$machine-unknown-linux-gnu" manylinux2014
    built_wheel "$machine-unknown-linux-musl" musllinux_1_2
    ls -l target/wheels
}

built_wheel() {
    local target=$1 tag=$2
    (cd target/sdist && maturin build --profile "${PROFILE:-release}" --strip --zig --compatibility "$tag" --target "$target" \
        --target-dir "$ROOT/target/wheel")
}

maturin() {
    local command=$1 bin=$ROOT/target/venvs/wheel/bin
    shift
    PATH=$bin:$PATH CARGO_INCREMENTAL=0 "$bin/maturin" "$command" --out "$ROOT/target/wheels" "$@"
}

guide() {
    compgen -G 'target/wheels/tokenlease-*manylinux*.whl' >/dev/null || die "there is no wheel: tests/python.sh wheel"
    step "the guide"
    # What is installed counts, not what lies here.
    env -u PYTHONPATH PATH="$PROGRAMS:$PATH" python3 tests/python/guide.py
}

versions() { python3 tests/python/versions.py "$@"; }

main() {
    case "${1:-all}" in
        all) stage; package; plugin; scenarios; wheel; guide ;;
        quick | package | plugin | scenarios | guide | bench | latency | versions) stage; "$@" ;;
        tools | wheel) "$1" ;;
        *) die "unknown argument '$1'; the head of this file has those that there are" ;;
    esac
}

main "$@"
