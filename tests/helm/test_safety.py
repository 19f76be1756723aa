"""Pods have no rights that they don't need, and no value holds a secret."""

import ipaddress
import itertools

import chart


def test_pods_are_restricted(objects: list[dict]):
    """What the Pod Security Standard `restricted` asks for, and a root that is read only."""
    for workload in chart.workloads(objects):
        pod = chart.pod_of(workload)["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        of_pod = pod["securityContext"]
        assert of_pod["runAsNonRoot"] and of_pod.get("runAsUser") != 0
        assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"] + pod.get("initContainers", []):
            of_container = container["securityContext"]
            assert of_container["readOnlyRootFilesystem"] is True
            assert of_container["allowPrivilegeEscalation"] is False
            assert of_container["capabilities"] == {"drop": ["ALL"]}
            assert {"requests", "limits"} <= container["resources"].keys()


def test_openshift_chooses_the_user():
    """Its `restricted-v2` refuses a user and groups that are not of the namespace's own range."""
    for workload in chart.workloads(chart.render(chart.SETS / "surroundings.yaml")):
        of_pod = chart.pod_of(workload)["spec"]["securityContext"]
        assert not {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"} & of_pod.keys()


def test_what_serves_is_probed_and_stops_gently(objects: list[dict]):
    for workload in chart.of_kind(objects, "StatefulSet") + chart.of_kind(objects, "Deployment"):
        pod = workload["spec"]["template"]["spec"]
        container = chart.own(workload)
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
        delay = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] > delay + 10


def test_the_grace_covers_the_drain():
    def grace(*args: str) -> int:
        objects = chart.render(chart.SETS / "default.yaml", *args)
        (server,) = chart.of_kind(objects, "StatefulSet")
        return server["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]

    assert grace() == 5 + 10 + 15
    assert grace("--set", "config.http.drain_ms=120001") == 5 + 121 + 15
    assert grace("--set", "server.stopDelaySeconds=60") == 60 + 10 + 15


def test_gateways_reach_no_cloud_s_metadata():
    """Who makes a gateway ask for a URL gets none of the node's credentials."""
    policy = chart.named(chart.render(chart.SETS / "tls.yaml"), "NetworkPolicy", "quota-tokenlease-gateway")
    blocks = [peer["ipBlock"] for rule in policy["spec"]["egress"] for peer in rule.get("to", []) if "ipBlock" in peer]
    for address in map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254")):
        let_out = [each for each in blocks if address in ipaddress.ip_network(each["cidr"])]
        assert let_out
        for each in let_out:
            assert any(address in ipaddress.ip_network(part) for part in each["except"])


def variables(objects: list[dict]) -> list[dict]:
    pods = [chart.pod_of(workload)["spec"] for workload in chart.workloads(objects)]
    containers = itertools.chain.from_iterable(pod["containers"] for pod in pods)
    return [each for container in containers for each in container.get("env", [])]


def test_secrets_come_by_reference(objects: list[dict]):
    for variable in variables(objects):
        if any(word in variable["name"] for word in ("TOKEN", "PASSWORD", "KEY")):
            is_file = variable.get("value", "").startswith("/etc/tokenlease/")
            assert is_file or "secretKeyRef" in variable["valueFrom"], variable["name"]


def test_servers_see_hashes_of_generated_tokens_only():
    objects = chart.render(chart.SETS / "gateways.yaml")
    (secret,) = chart.of_kind(objects, "Secret")
    tokens = [value for key, value in secret["stringData"].items() if key.endswith("-token")]
    assert len(set(tokens)) == 3 and all(len(token) > 64 for token in tokens)
    assert not any(token in secret["stringData"]["tokens.toml"] for token in tokens)
    server = chart.named(objects, "StatefulSet", "quota-tokenlease")
    (tokens_volume,) = [v for v in server["spec"]["template"]["spec"]["volumes"] if v["name"] == "tokens"]
    assert [item["key"] for item in tokens_volume["secret"]["items"]] == ["tokens.toml"]
    rest = [each for each in objects if each["kind"] != "Secret"]
    assert not any(token in str(rest) for token in tokens)
