# What the scripts share; each sources it from the repository's root.

TOOLS=$PWD/target/tools

step() { printf '\n== %s\n' "$*"; }

die() {
    printf '%s: %s\n' "$0" "$*" >&2
    exit 1
}

# Runs what follows unless it was done for this very version.
once() {
    local stamp=$TOOLS/stamps/$1
    shift
    [ -e "$stamp" ] && return
    step "$(basename "$stamp")"
    "$@"
    mkdir -p "$TOOLS/stamps"
    touch "$stamp"
}

go_tool() { GOBIN=$TOOLS/bin CGO_ENABLED=0 go install "$1"; }

# Of a module that is downloaded, its folder.
go_folder() { go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'; }
