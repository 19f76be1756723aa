#!/usr/bin/env bash
# Makes all that a release has, from a clean clone, into target/release-VERSION. Publishing is the maintainers' act: docs/release.md.
#
#   release/build.sh               all of it; nearly all of the time is for `programs` and `python`
#   release/build.sh STEP..        these steps again, on what the others left
#
#   programs     both programs for both architectures, static
#   image        the image for both, as an OCI layout; no engine and no daemon
#   chart        the chart's package
#   python       wheels and the sdist (tests/python.sh wheel)
#   sbom         what the programs and the wheels are made of, as CycloneDX
#   changes      what is new, by kind
#   provenance   from what all of it was made, as a statement of in-toto (SLSA v1)
#   sums         SHA256SUMS
#
# REHEARSAL=1 does all of it unoptimised, into a folder of its own: to try a change of these scripts, never to publish.
#
# Needs Rust by rustup, Go, Python 3.11 or newer with venv, GNU tar, git and jq. places.env says where things are published. tests/release.sh tries what comes of it.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/common.sh
. release/places.env

STEPS=(programs image chart python sbom changes provenance sums)
ARCHITECTURES=(x86_64 aarch64)
PROGRAMS=(quota-server openai-gateway)
UMOCI=v0.6.0
ORAS=v1.3.6
CYCLONEDX=0.5.9

ROOT=$PWD
VENV=$ROOT/target/venvs/release
VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
PROFILE=${REHEARSAL:+dev}
PROFILE=${PROFILE:-release}
OUT=$ROOT/target/release-$VERSION${REHEARSAL:+-rehearsal}
# Files are as old as the commit, so that the same commit makes the same archives.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH REGISTRY BOOK_URL PROFILE

# In its own folder, since `go install` takes no module that replaces another.
umoci_tool() {
    local folder
    folder=$(go_folder "github.com/opencontainers/umoci@$UMOCI")
    (cd "$folder" && CGO_ENABLED=0 go build -trimpath -o "$TOOLS/bin/umoci" ./cmd/umoci)
}

cyclonedx_tool() {
    CARGO_TARGET_DIR=$TOOLS/build/cyclonedx cargo install cargo-cyclonedx --version $CYCLONEDX --locked --debug \
        --root "$TOOLS" --quiet --force
    rm -rf "$TOOLS/build/cyclonedx"
}

packages() {
    cmp -s release/requirements.txt "$VENV/installed" && return
    step "packages"
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check -r release/requirements.txt
    cp release/requirements.txt "$VENV/installed"
}

# An archive that depends on its files alone. Further arguments are tar's.
archive() {
    local to=$1 owner=$2
    shift 2
    tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner="$owner" --group="$owner" --numeric-owner --format=gnu --file "$to" "$@"
}

# What was compiled of a program.
compiled() { printf '%s' "$ROOT/target/release-build/$1-unknown-linux-musl/${PROFILE/dev/debug}/$2"; }

# zig links for either, against musl. Paths of this machine stay out of the programs.
programs() {
    packages
    local architecture name flags
    flags="--remap-path-prefix=$ROOT=/tokenlease --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
    for architecture in "${ARCHITECTURES[@]}"; do
        rustup target add "$architecture-unknown-linux-musl"
        step "programs for $architecture"
        PATH=$VENV/bin:$PATH RUSTFLAGS=$flags CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$ROOT/target/release-build \
            cargo zigbuild --profile "$PROFILE" --config "profile.$PROFILE.debug='none'" --config "profile.$PROFILE.strip='symbols'" --locked --target "$architecture-unknown-linux-musl" "${PROGRAMS[@]/#/--package=}"
        name=tokenlease-$VERSION-$architecture-linux
        rm -rf "target/$name"
        install -D --target-directory="target/$name" "$(compiled "$architecture" quota-server)" "$(compiled "$architecture" openai-gateway)"
        install --mode=644 --target-directory="target/$name" LICENSE CHANGELOG.md SECURITY.md
        archive "$OUT/$name.tar" 0 --create --directory=target "$name"
        gzip --no-name --force "$OUT/$name.tar"
        rm -rf "target/$name"
    done
}

# As the Dockerfile has it, which tests/release/test_image.py compares; the authorities are Mozilla's, as certifi has them.
root_of() {
    local architecture=$1 root=$2
    install -D --target-directory="$root/usr/bin" "$(compiled "$architecture" quota-server)" "$(compiled "$architecture" openai-gateway)"
    install -D --mode=644 "$("$VENV/bin/python" -m certifi)" "$root/etc/ssl/certs/ca-certificates.crt"
    install -d "$root/var/lib/tokenlease"
    chmod -R u=rwX,go=rX "$root"
    archive "$root.tar" 0 --create --directory="$root" --exclude=var/lib/tokenlease etc usr var
    archive "$root.tar" 65532 --append --directory="$root" var/lib/tokenlease
}

configure() {
    local image=$1 architecture=$2 created=$3 label
    local -a labels=("title=tokenlease" "licenses=Apache-2.0" "version=$VERSION" "revision=$(git rev-parse HEAD)"
        "description=One limit, many gateways: quota-server and openai-gateway")
    [ -z "$BOOK_URL" ] || labels+=("documentation=$BOOK_URL")
    "$TOOLS/bin/umoci" config --image "$image" --no-history --created "$created" --os linux --architecture "$architecture" \
        --config.user 65532:65532 --config.workingdir /var/lib/tokenlease --config.volume /var/lib/tokenlease --config.exposedports 7700/tcp \
        --config.entrypoint /usr/bin/quota-server --config.cmd serve --config.cmd --listen=0.0.0.0:7700 \
        --config.cmd --data-dir=/var/lib/tokenlease
    for label in "${labels[@]}"; do
        "$TOOLS/bin/umoci" config --image "$image" --no-history --created "$created" \
            --config.label "org.opencontainers.image.$label" --manifest.annotation "org.opencontainers.image.$label"
    done
}

image() {
    packages
    once "umoci-$UMOCI" umoci_tool
    once "oras-$ORAS" go_tool "oras.land/oras/cmd/oras@$ORAS"
    step "image"
    local umoci=$TOOLS/bin/umoci work=$ROOT/target/release-image created architecture name
    created=$(date --utc --date="@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
    rm -rf "$work"
    mkdir -p "$work"
    "$umoci" init --layout "$work/layout"
    for architecture in "${ARCHITECTURES[@]}"; do
        case $architecture in x86_64) name=amd64 ;; aarch64) name=arm64 ;; esac
        root_of "$architecture" "$work/$name"
        "$umoci" new --image "$work/layout:$VERSION-$name"
        "$umoci" raw add-layer --image "$work/layout:$VERSION-$name" --compress gzip --history.created "$created" \
            --history.created_by release/build.sh "$work/$name.tar"
        configure "$work/layout:$VERSION-$name" "$name" "$created"
    done
    "$umoci" gc --layout "$work/layout"
    "$TOOLS/bin/oras" manifest index create --oci-layout "$work/layout:$VERSION" "$VERSION-amd64" "$VERSION-arm64"
    archive "$OUT/tokenlease-$VERSION-image.oci.tar" 0 --create --directory="$work/layout" .
    rm -rf "$work"
}

# A copy that names where the image and the book are.
chart() {
    tests/helm.sh helm
    step "chart"
    local copy=$ROOT/target/release-chart
    rm -rf "$copy"
    mkdir -p "$copy"
    git ls-files -z helm | xargs -0 cp --parents --target-directory="$copy"
    python3 release/places.py "$copy/helm" "$VERSION"
    "$TOOLS/bin/helm-docs" --chart-search-root "$copy/helm" --log-level error
    "$TOOLS/bin/helm" package "$copy/helm" --destination "$OUT"
    mv "$OUT/tokenlease-$VERSION.tgz" "$OUT/tokenlease-$VERSION-chart.tgz"
    rm -rf "$copy"
}

python() {
    tests/python.sh wheel
    rm -f "$OUT"/*.whl "$OUT/tokenlease-$VERSION.tar.gz"
    cp target/wheels/* "$OUT/"
}

# Of what is linked into each, with its licences; tools that only build or test are not in it. In a copy, which it writes into.
sbom() {
    once "cargo-cyclonedx-$CYCLONEDX" cyclonedx_tool
    step "sbom"
    local copy=$ROOT/target/release-sbom part
    rm -rf "$copy"
    mkdir -p "$copy"
    git archive HEAD | tar --extract --directory="$copy"
    for part in "${PROGRAMS[@]}" bindings/python; do
        (cd "$copy" && "$TOOLS/bin/cargo-cyclonedx" cyclonedx --quiet --manifest-path "$part/Cargo.toml" --format json --spec-version 1.5 \
            --target x86_64-unknown-linux-musl --no-build-deps --override-filename sbom)
    done
    # Where the copy lies is of no concern.
    for part in "${PROGRAMS[@]}"; do sed "s#$copy#/tokenlease#g" "$copy/$part/sbom.json" >"$OUT/$part-$VERSION.cdx.json"; done
    sed "s#$copy#/tokenlease#g" "$copy/bindings/python/sbom.json" >"$OUT/tokenlease-python-$VERSION.cdx.json"
    rm -rf "$copy"
}

changes() {
    step "changes"
    python3 release/changes.py "$VERSION" >"$OUT/CHANGES-$VERSION.md"
}

provenance() {
    packages
    step "provenance"
    [ -z "$(git status --porcelain)" ] || die "the tree is not as it was committed: a statement would be false"
    rm -f "$OUT/SHA256SUMS"
    "$VENV/bin/python" release/provenance.py "$VERSION" "$OUT" >"$OUT.json"
    mv "$OUT.json" "$OUT/tokenlease-$VERSION.intoto.json"
}

sums() {
    step "sums"
    (cd "$OUT" && rm -f SHA256SUMS && sha256sum -- * >../sums && mv ../sums SHA256SUMS && cat SHA256SUMS)
}

main() {
    local name
    [ $# -gt 0 ] || { [ -z "$(git status --porcelain)" ] || die "the tree is not as it was committed"; set -- "${STEPS[@]}"; }
    for name in "$@"; do
        [[ " ${STEPS[*]} " == *" $name "* ]] || die "unknown step '$name'; there are ${STEPS[*]}"
    done
    mkdir -p "$OUT"
    for name in "$@"; do "$name"; done
    printf '\n%s\n' "$OUT"
}

main "$@"
