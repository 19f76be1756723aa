"""The objects of a release fit each other: what names something names what is there."""

import json
import pathlib

import yaml

import chart


def test_services_and_budgets_select_one_set_of_pods(objects: list[dict]):
    pods = [chart.pod_of(workload)["metadata"]["labels"] for workload in chart.workloads(objects)]
    for each in objects:
        spec = each.get("spec", {})
        selector = {
            "Service": spec.get("selector"),
            "PodDisruptionBudget": (spec.get("selector") or {}).get("matchLabels"),
            "NetworkPolicy": (spec.get("podSelector") or {}).get("matchLabels"),
            "PodMonitor": (spec.get("selector") or {}).get("matchLabels"),
        }.get(each["kind"])
        if selector is not None:
            chosen = [labels for labels in pods if selector.items() <= labels.items()]
            assert len(chosen) == 1, (each["kind"], each["metadata"]["name"])


def test_a_service_monitor_selects_one_service():
    objects = chart.render(chart.SETS / "watched.yaml")
    for monitor in chart.of_kind(objects, "ServiceMonitor"):
        selector = monitor["spec"]["selector"]["matchLabels"]
        labels = [service["metadata"]["labels"] for service in chart.of_kind(objects, "Service")]
        assert len([each for each in labels if selector.items() <= each.items()]) == 1


def test_what_is_mounted_is_there(objects: list[dict]):
    for workload in chart.workloads(objects):
        pod = chart.pod_of(workload)["spec"]
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        claims = workload["spec"].get("volumeClaimTemplates", [])
        names = volumes.keys() | {claim["metadata"]["name"] for claim in claims}
        containers = pod["containers"] + pod.get("initContainers", [])
        mounted = [{mount["name"] for mount in container.get("volumeMounts", [])} for container in containers]
        assert set().union(*mounted) == names
        for volume in volumes.values():
            if "configMap" in volume:
                chart.named(objects, "ConfigMap", volume["configMap"]["name"])


def test_files_are_carried_as_they_are():
    objects = chart.render(chart.SETS / "watched.yaml")
    for path in (chart.CHART / "files").glob("*"):
        text = path.read_text()
        if path.name == "alerts.yaml":
            (rule,) = chart.of_kind(objects, "PrometheusRule")
            assert rule["spec"] == yaml.safe_load(text)
        else:
            dashboard = chart.named(objects, "ConfigMap", "quota-tokenlease-dashboard")
            assert json.loads(dashboard["data"]["tokenlease.json"]) == json.loads(text)


def test_an_autoscaler_has_its_pods_to_itself(objects: list[dict]):
    for scaler in chart.of_kind(objects, "HorizontalPodAutoscaler"):
        target = chart.named(objects, "Deployment", scaler["spec"]["scaleTargetRef"]["name"])
        assert "replicas" not in target["spec"]


def rung(name: str) -> list[dict]:
    return chart.render(chart.SETS / f"{name}.yaml")


def test_each_rung_is_what_it_must_be():
    (embedded,) = chart.of_kind(rung("embedded"), "StatefulSet")
    assert embedded["spec"]["replicas"] == 1
    assert embedded["spec"]["volumeClaimTemplates"]
    assert not chart.of_kind(rung("embedded"), "PodDisruptionBudget")
    assert not chart.of_kind(rung("embedded"), "Job")
    for name in ("postgres", "redis", "redis-ipv6"):
        assert not chart.of_kind(rung(name), "StatefulSet")
        assert chart.of_kind(rung(name), "PodDisruptionBudget")
    assert chart.of_kind(rung("postgres"), "Job")
    assert chart.of_kind(rung("redis-ipv6"), "Job")


def test_a_migration_needs_nothing_of_the_release():
    """It runs before anything else is made."""
    (job,) = chart.of_kind(rung("postgres"), "Job")
    pod = job["spec"]["template"]["spec"]
    mounted = [volume["secret"]["secretName"] for volume in pod["volumes"]]
    assert "serviceAccountName" not in pod and mounted == ["quota-db"], "the stores' own secrets"
    config = chart.named(rung("postgres"), "ConfigMap", "quota-tokenlease-config")
    assert "no_migrate = true" in config["data"]["quota.toml"]
    config = chart.named(rung("redis"), "ConfigMap", "quota-tokenlease-config")
    assert "no_migrate = false" in config["data"]["quota.toml"]


def checksum(values: pathlib.Path, *args: str) -> str:
    (server,) = chart.of_kind(chart.render(values, *args), "StatefulSet")
    return server["spec"]["template"]["metadata"]["annotations"]["checksum/config"]


def test_settings_restart_servers_and_limits_do_not():
    values = chart.SETS / "embedded.yaml"
    before = checksum(values)
    assert checksum(values, "--set", "config.http.drain_ms=6000") != before
    assert checksum(values, "--set", "deployments.embeddings-eu.tpm_limit=7") == before


def test_chart_versions_restart_nothing(objects: list[dict]):
    for workload in chart.workloads(objects):
        if workload["kind"] != "Pod":
            assert "helm.sh/chart" not in chart.pod_of(workload)["metadata"]["labels"]
