#!/usr/bin/env bash
# The image without a container engine: does what the Dockerfile says, and tries what comes of it as an
# engine would run it, in a root of its own that is read only, without rights, as nobody. Needs root.
# Not a part of tests/run.sh: it builds everything anew, optimised (IMAGE_TARGET keeps it).
#
#   tests/image.sh             all of it
#   tests/image.sh root DIR    only tries the root that is there, such as one of a release
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/common.sh

MACHINE=$(uname -m)
WORK=$(mktemp -d)
IMAGE=$WORK/image
# The user of the Dockerfile.
NOBODY=65532
trap 'stop; rm -rf "$WORK"' EXIT

install_missing() {
    rustup target add "$MACHINE-unknown-linux-musl"
    command -v musl-gcc >/dev/null || apt-get install -y -qq --no-install-recommends musl-tools
    command -v cmake >/dev/null || apt-get install -y -qq --no-install-recommends cmake
}

# What .dockerignore lets through.
context() {
    mkdir "$WORK/src"
    sed -n 's/^!//p' .dockerignore | xargs -I{} cp -r --parents {} "$WORK/src"
}

# The Dockerfile's own commands, but for those that install; in the folder of its WORKDIR, to its /image.
build() {
    export CARGO_TARGET_DIR=${IMAGE_TARGET:-$WORK/target}
    ln -s "$CARGO_TARGET_DIR" "$WORK/src/target"
    sed -n '/^FROM scratch/q; s/^RUN //p' Dockerfile | grep -v -e '^apt-get' -e '^rustup' |
        sed "s#/image/#$IMAGE/#g" >"$WORK/commands"
    (cd "$WORK/src" && bash -euxo pipefail "$WORK/commands")
}

check_programs() {
    for program in quota-server openai-gateway; do
        file -b "$IMAGE/usr/bin/$program" | grep -q 'static' || die "$program is not static"
        ldd "$IMAGE/usr/bin/$program" 2>&1 | grep -q '=>' && die "$program needs libraries"
        [ -z "$(find "$IMAGE/usr/bin/$program" ! -user 0 -o -perm /022)" ] || die "$program can be changed"
    done
    find "$IMAGE" -user $NOBODY | grep -qx "$IMAGE/var/lib/tokenlease" || die "no folder for the data"
}

# Runs a program in a mount namespace where the root is read only and its data folder is not, as nobody.
inside() {
    exec unshare --mount sh -c '
        mount --bind "$0" "$0"
        mount -o remount,bind,ro "$0"
        mount -t tmpfs -o size=64m,uid='$NOBODY',gid='$NOBODY' tmpfs "$0/var/lib/tokenlease"
        exec setpriv --no-new-privs chroot --userspec='$NOBODY:$NOBODY' --groups= "$0" "$@"' "$IMAGE" "$@"
}

serve() {
    (inside /usr/bin/quota-server serve "--listen=$ADDRESS" --data-dir=/var/lib/tokenlease) &
    SERVER=$!
    for _ in $(seq 300); do
        ask check 2>/dev/null && return
        kill -0 "$SERVER" || die "the server ended"
        sleep 0.1
    done
    die "the server is not ready"
}

ask() { (inside /usr/bin/quota-server "$@" --url "http://$ADDRESS"); }

check_rights() {
    local status
    status=$(cat "/proc/$SERVER/status")
    grep -q "^Uid:	$NOBODY	$NOBODY" <<<"$status" || die "the server is somebody"
    grep -q '^CapEff:	0*$' <<<"$status" || die "the server has rights"
}

stop() {
    [ -n "${SERVER:-}" ] || return 0
    kill "$SERVER" 2>/dev/null || true
    wait "$SERVER" || die "the server ended with $?"
    SERVER=
}

try() {
    ADDRESS=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    serve
    check_rights
    ask deployments set chat --tpm 5
    ask check --deployment chat
    stop
    (inside /usr/bin/openai-gateway --version)
}

main() {
    [ "$(id -u)" -eq 0 ] || die "must be root, to change the root"
    case "${1:-}" in
        root) IMAGE=$(realpath "$2") ;;
        "")
            install_missing
            step "context"
            context
            step "build"
            build
            ;;
        *) die "unknown argument '$1'; it takes root DIR, or nothing" ;;
    esac
    step "programs"
    check_programs
    step "as an engine would run it"
    try
    step "size"
    du -ch --apparent-size "$IMAGE"/usr/bin/*
}

main "$@"
