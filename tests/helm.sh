#!/usr/bin/env bash
# The chart, with the real Helm. tests/run.sh calls it, when it has built the programs and installed
# what these tests need; TOKENLEASE_PROGRAMS names another folder with the programs.
#
#   tests/helm.sh              all of it
#   tests/helm.sh render       what needs no Kubernetes
#   tests/helm.sh cluster      against Kubernetes' API server and etcd
#   tests/helm.sh tools        only builds what these need
#   tests/helm.sh helm         only builds helm and what makes the chart's README
#   tests/helm.sh package DIR  starts the pods of a chart's package, which is unpacked there
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/common.sh

HELM=v4.3.1
HELM_DOCS=v1.14.2
KUBERNETES=v1.36.3
# The last release of which the Go module has the definitions in it.
PROMETHEUS_OPERATOR=v0.85.0
GATEWAY_API=v1.4.1

custom_resources() {
    local folder
    folder=$(go_folder "github.com/prometheus-operator/prometheus-operator@$PROMETHEUS_OPERATOR")
    mkdir -p "$TOOLS/crds"
    for kind in servicemonitors podmonitors prometheusrules; do
        install -m 644 "$folder/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" "$TOOLS/crds/"
    done
}

gateway_routes() {
    local folder
    folder=$(go_folder "sigs.k8s.io/gateway-api@$GATEWAY_API")
    mkdir -p "$TOOLS/crds"
    install -m 644 "$folder"/config/crd/standard/gateway.networking.k8s.io_{httproutes,backendtlspolicies}.yaml "$TOOLS/crds/"
}

# The module's replacements are only for itself, so a module of ours has them. Without its version
# in it the program says that it is v0.0.0, which no chart is for.
api_server() {
    local package=k8s.io/component-base/version
    local flags="-s -w -X $package.gitVersion=$KUBERNETES -X $package.gitMajor=1 -X $package.gitMinor=36"
    (cd tests/helm/apiserver && CGO_ENABLED=0 go build -trimpath -ldflags "$flags" \
        -o "$TOOLS/bin/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver)
}

helm_tools() {
    command -v go >/dev/null || die "missing: Go 1.26 or newer"
    once "helm-$HELM" go_tool "helm.sh/helm/v4/cmd/helm@$HELM"
    once "helm-docs-$HELM_DOCS" go_tool "github.com/norwoodj/helm-docs/cmd/helm-docs@$HELM_DOCS"
}

render_tools() {
    helm_tools
    once "prometheus-operator-$PROMETHEUS_OPERATOR" custom_resources
    once "gateway-api-$GATEWAY_API" gateway_routes
}

cluster_tools() {
    command -v etcd >/dev/null || die "missing: etcd-server (Debian's name)"
    once "kube-apiserver-$KUBERNETES" api_server
}

run() {
    [ -x target/venv/bin/python ] || die "missing: the python packages; tests/run.sh installs them"
    step "$1"
    target/venv/bin/python -m pytest --quiet -p no:cacheprovider "${@:2}"
}

main() {
    [ "${1:-}" != helm ] || { helm_tools; return; }
    render_tools
    local render=(tests/helm --ignore tests/helm/cluster)
    case "${1:-all}" in
        all) cluster_tools; run "chart" tests/helm ;;
        render) run "chart" "${render[@]}" ;;
        tools) cluster_tools ;;
        cluster) cluster_tools; run "chart in a cluster" tests/helm/cluster ;;
        package) TOKENLEASE_CHART=$2 run "chart's package" tests/helm/test_processes.py ;;
        *) die "unknown argument '$1'; it takes render, cluster, tools, helm, package, or nothing" ;;
    esac
}

main "$@"
