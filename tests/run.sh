#!/usr/bin/env bash
# The test command: formats, lints, checks the docs, and tests. Installs what it lacks on Debian and
# Ubuntu as root; elsewhere it names what is missing. Everything that it starts has temporary data
# and is stopped by its process id.
#
#   tests/run.sh            all of it
#   tests/run.sh lint       formatting, lints and docs only
#   tests/run.sh test       tests only
#   tests/run.sh book       the documentation only, built in target/book
#
# TOKENLEASE_CACHE names a folder in which compiled dependencies and tools outlive the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/common.sh

LOGS=target/logs
# Steps that run beside the others, each with its process group: by name.
declare -A BESIDE=()

# Debian packages by the command or file that they bring.
install_missing() {
    local packages=()
    command -v cc >/dev/null || packages+=(build-essential)
    command -v cmake >/dev/null || packages+=(cmake)
    command -v python3 >/dev/null || packages+=(python3)
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
    command -v etcd >/dev/null || packages+=(etcd-server)
    command -v openssl >/dev/null || packages+=(openssl)
    command -v "${CHROMIUM:-chromium}" >/dev/null || packages+=(chromium)
    command -v npm >/dev/null || packages+=(nodejs npm)
    command -v curl >/dev/null || packages+=(curl)
    command -v jq >/dev/null || packages+=(jq)
    command -v promtool >/dev/null || packages+=(prometheus)
    has_redis || packages+=(redis-server)
    has_postgres || packages+=(postgresql)
    [ ${#packages[@]} -eq 0 ] && return
    if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        step "installing ${packages[*]}"
        (apt_install "${packages[@]}")
    else
        die "missing: ${packages[*]} (Debian's names); install them and run this again"
    fi
}

# The tests start their own Redis and PostgreSQL, so the packages' services stay off, unless the
# machine has a policy of its own. In a subshell: its end takes the policy away again.
apt_install() {
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap "rm -f $policy" EXIT
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

has_redis() { command -v "${TOKENLEASE_REDIS_SERVER:-redis-server}" >/dev/null; }

has_postgres() { compgen -G "${TOKENLEASE_POSTGRES_BIN:-/usr/lib/postgresql/*/bin}/initdb" >/dev/null; }

need_rust() {
    command -v cargo >/dev/null || die "missing: Rust with cargo, rustfmt and clippy (rustup brings them)"
    cargo fmt --version >/dev/null 2>&1 || die "missing: rustfmt (rustup component add rustfmt)"
    cargo clippy --version >/dev/null 2>&1 || die "missing: clippy (rustup component add clippy)"
}

# Begins a step that others need not wait for, at a low priority: it takes the time in which compilers are single and tests wait.
beside() {
    local name=$1
    shift
    set -m
    (renice -n 19 -p $BASHPID >/dev/null; "$@") >"$LOGS/$name.log" 2>&1 </dev/null &
    BESIDE[$name]=$!
    set +m
}

# Waits for it, and shows what it said.
finish() {
    local name=$1 status=0
    wait "${BESIDE[$name]}" || status=$?
    unset "BESIDE[$name]"
    step "$name, which ran beside"
    cat "$LOGS/$name.log"
    [ "$status" -eq 0 ] || die "$name failed"
}

stop_beside() {
    local group
    for group in "${BESIDE[@]}"; do kill -- "-$group" 2>/dev/null || true; done
}

# What is compiled outlives the checkout, where a folder is named for it.
cache() {
    mkdir -p $LOGS
    if [ -n "${TOKENLEASE_CACHE:-}" ]; then
        export CARGO_TARGET_DIR=$TOKENLEASE_CACHE/cargo
        mkdir -p "$TOKENLEASE_CACHE/tools"
        [ -d target/tools ] && [ ! -L target/tools ] || ln -sfn "$TOKENLEASE_CACHE/tools" target/tools
    fi
    mkdir -p target/tools
}

# The stock client libraries that scenarios are played with.
python_packages() {
    local stamp=target/venv/requirements.txt
    cmp -s tests/requirements.txt "$stamp" && return
    step "python packages"
    rm -rf target/venv
    python3 -m venv target/venv
    target/venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
    cp tests/requirements.txt "$stamp"
}

# What drives Chromium, and what looks for faults of accessibility. No browser comes with it.
node_packages() {
    local from=tests/browser to=target/browser
    ln -sfn ../../$to/node_modules $from/node_modules
    cmp -s $from/package-lock.json $to/installed && return
    step "node packages"
    mkdir -p $to
    cp $from/package.json $from/package-lock.json $to
    npm ci --prefix $to --ignore-scripts --no-audit --no-fund
    cp $from/package-lock.json $to/installed
}

packages() { python_packages; node_packages; }

# A command of cargo's, without optimisation: it builds in a minute, and runs for a few seconds.
cargo_tool() {
    local name=$1 version=$2 tools=$PWD/target/tools
    shift 2
    "$tools/bin/$name" --version 2>/dev/null | grep -qE "^$name v?${version//./\\.}$" && return
    step "$name $version"
    CARGO_TARGET_DIR=$tools/build/$name cargo install "$name" --version "$version" --locked --debug --no-default-features \
        --root "$tools" --quiet --force "$@"
    rm -rf "$tools/build/$name"
}

cargo_deny() { cargo_tool cargo-deny 0.20.2; }

mdbook() { cargo_tool mdbook 0.5.4 --features search; }

# What later steps need and no compiler of ours waits for.
tools() { cargo_deny; mdbook; tests/helm.sh tools; tests/python.sh tools; }

lint() {
    step "format"
    cargo fmt --all -- --check
    step "lints"
    cargo clippy --workspace --all-targets -- -D warnings
    step "docs"
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
}

# The licences and sources of dependencies.
dependencies() {
    step "dependencies"
    target/tools/bin/cargo-deny check licenses bans sources
}

# The documentation as pages; a warning or a link that leads nowhere fails.
book() {
    step "book"
    local said
    said=$(target/tools/bin/mdbook build docs 2>&1) || die "$said"
    if grep -E '^ *(WARN|ERROR)' <<<"$said"; then die "the book has warnings"; fi
    local page
    for page in docs/*.md; do
        grep -qF "(${page#docs/})" docs/SUMMARY.md || [ $page = docs/SUMMARY.md ] || die "$page is not in docs/SUMMARY.md"
    done
    python3 tests/python/links.py target/book ./*.md docs/*.md docs/internals/*.md helm/README.md
}

# The development profile, as the lints, with every assertion and overflow check on.
build() {
    step "build"
    # With the libraries, of which Python's native half is one: it is linked, and nothing is compiled for it alone.
    cargo build --workspace --bins --lib
    cargo test --workspace --tests --no-run
}

# The processes that the tests start were built just now. What is ignored needs the python packages, which are there.
cargo_tests() {
    step "tests"
    TOKENLEASE_BUILT=1 cargo test --workspace --tests --no-fail-fast -- --include-ignored
    cargo test --workspace --doc
}

# Beside what is built already.
bindings() { tests/python.sh quick; }

browser() { tests/browser.sh test; }

chart() { tests/helm.sh; }

# Its parts; what it makes takes hours.
release() { tests/release.sh; }

# Another seventh of the book's faults each day: those are built and caught within seconds.
mutants() { "${CARGO_TARGET_DIR:-target}/debug/mutants" --run core --part "$(date +%-j)/7" --seconds 60; }

# A browser and an API server are not tested beside the scenarios: each has seconds to answer in.
run_tests() {
    build
    finish packages
    finish tools
    beside mutants mutants
    cargo_tests
    finish mutants
    bindings
    browser
    chart
    release
}

main() {
    install_missing
    need_rust
    cache
    trap stop_beside EXIT
    case "${1:-all}" in
        all)
            beside packages packages
            beside tools tools
            lint
            run_tests
            dependencies
            book
            ;;
        lint) cargo_deny; mdbook; lint; dependencies; book ;;
        book) mdbook; book ;;
        test) beside packages packages; beside tools tools; run_tests ;;
        *) die "unknown argument '$1'; it takes lint, test, book, or nothing" ;;
    esac
    step "all passed"
}

main "$@"
