"""What the chart renders is what the programs take: its pods are started as processes."""

import json
import pathlib
import subprocess

import yaml

import certificates
import chart
import database
import sentinel
from processes import Pod, closing, pod

# Secrets that are not the chart's.
TOKENS = (chart.ROOT / "quota-server/samples/tokens.toml").read_text()
SECRETS = {
    "quota-tokens": {"tokens.toml": TOKENS},
    "gateway-token": {"token": "an example, not a secret"},
    "quota-db": {"password": "hush", "url": "postgres://quota:hush@127.0.0.1:1/quota"},
    "quota-redis": {"url": "redis://:hush@127.0.0.1:1", "password": "hush", "sentinel-password": "hush-sentry"},
    "provider": {"api-key": "sk-hush"},
    "gateway": {"master-key": "sk-hush"},
}


def secrets(objects: list[dict]) -> dict[str, dict]:
    own = {each["metadata"]["name"]: each["stringData"] for each in chart.of_kind(objects, "Secret")}
    return SECRETS | certificates.secrets() | own


def server(objects: list[dict], root: pathlib.Path) -> Pod:
    (workload,) = chart.of_kind(objects, "StatefulSet")
    return pod(objects, workload, root)


def check(objects: list[dict], asked: Pod, root: pathlib.Path) -> str:
    """What `helm test` says of a server."""
    (test,) = chart.of_kind(objects, "Pod")
    checking = pod(objects, test, root, asked.url())
    checking.start(secrets(objects))
    assert checking.process.wait(timeout=60) == 0, checking.log.read_text()
    return checking.log.read_text()


def test_a_server_serves_is_tested_and_stops(tmp_path: pathlib.Path):
    objects = chart.render(chart.SETS / "default.yaml", "--set", "deployments.chat.tpm_limit=5")
    serving = server(objects, tmp_path / "server")
    with closing(serving):
        serving.start(secrets(objects))
        serving.wait_until_ready()
        assert "a lease of `chat` was granted" in check(objects, serving, tmp_path / "check")
        assert serving.stop() == 0
    assert pathlib.Path(serving.here("/var/lib/tokenlease/ledger-00.sqlite")).exists()


def test_tls_is_what_probes_tests_and_gateways_speak(tmp_path: pathlib.Path):
    embedded = ("ledger.kind=embedded", "server.replicas=1", "audit.volume.existingClaim=", "audit.to=log")
    objects = chart.render(chart.SETS / "tls.yaml", "--set", ",".join(embedded))
    serving = server(objects, tmp_path / "server")
    workload = chart.named(objects, "Deployment", "quota-tokenlease-gateway")
    gateway = pod(objects, workload, tmp_path / "gateway", serving.url())
    # No token is known: the gateway is who its certificate says.
    tokens = '[[certificate]]\nname = "gw-1"\nrole = "gateway"\nsan = "gateway.example"\n'
    known = secrets(objects) | {"quota-tokens": {"tokens.toml": tokens}}
    with closing(serving, gateway):
        serving.start(known)
        serving.wait_until_ready()
        assert serving.url().startswith("https:")
        assert check(objects, serving, tmp_path / "check") == "ready\n"
        gateway.start(known)
        gateway.wait_until_ready()
        assert gateway.url().startswith("https:")
        call(gateway, "sk-hush")
        gateway.wait(lambda: "\ngateway_client_server_up 1\n" in gateway.get("/metrics"))
        assert gateway.stop() == 0
        assert serving.stop() == 0


def test_postgresql_is_shown_a_certificate(tmp_path: pathlib.Path):
    with database.encrypted() as url:
        for name, shown, code in (("with", "quota-db-client", 0), ("without", "", 1)):
            values = f"ledger.kind=postgres,ledger.postgres.url={url},ledger.postgres.clientSecret={shown}"
            objects = chart.render(chart.SETS / "redis-ipv6.yaml", "--set", values)
            (job,) = chart.of_kind(objects, "Job")
            migrating = pod(objects, job, tmp_path / name)
            with closing(migrating):
                migrating.start(secrets(objects))
                assert migrating.process.wait(timeout=60) == code, migrating.log.read_text()


def test_what_bitnami_s_charts_ask_for_is_given(tmp_path: pathlib.Path):
    """Passwords of Redis and of Sentinel, and certificates that both verify: migrated, served, and tested by `helm test`'s pod."""
    known = SECRETS["quota-redis"]
    who = ("quota", "quota", known["password"], "sentry", known["sentinel-password"])
    with database.encrypted() as url, sentinel.guarded(tmp_path / "redis", *who) as guard:
        values = f"server.ipFamily=IPv4,ledger.postgres.url={url},ledger.redis.url=rediss+sentinel://quota@{guard}/quota"
        objects = chart.render(chart.SETS / "redis-ipv6.yaml", "--set", f"{values},deployments.chat.tpm_limit=500")
        (job,) = chart.of_kind(objects, "Job")
        migrating = pod(objects, job, tmp_path / "migrate")
        serving = pod(objects, chart.named(objects, "Deployment", "quota-tokenlease"), tmp_path / "server")
        with closing(migrating, serving):
            migrating.start(secrets(objects))
            assert migrating.process.wait(timeout=60) == 0, migrating.log.read_text()
            serving.start(secrets(objects))
            serving.wait_until_ready()
            assert "a lease of `chat` was granted" in check(objects, serving, tmp_path / "check")
            assert serving.stop() == 0


def test_changes_stand_in_a_file_of_the_server_s_own(tmp_path: pathlib.Path):
    objects = chart.render(chart.SETS / "default.yaml", "--set", "audit.to=scratch")
    serving = server(objects, tmp_path / "server")
    with closing(serving):
        serving.start(secrets(objects))
        serving.wait_until_ready()
        token = secrets(objects)["quota-tokenlease-tokens"]["admin-token"]
        make = [serving.program, "deployments", "set", "new", "--tpm=5", "--url", serving.url()]
        subprocess.check_call(make, env={"QUOTA_TOKEN": token})
        audit = pathlib.Path(serving.here("/var/log/tokenlease/server-0.jsonl"))
        assert [json.loads(line)["stage"] for line in audit.read_text().splitlines()] == ["asked", "ended"]


def test_changes_stand_in_the_log(tmp_path: pathlib.Path):
    """As a shipper finds them: by their target."""
    objects = chart.render(chart.SETS / "embedded.yaml", "--set", "config.log.log_level=warn\\,audit=info")
    serving = server(objects, tmp_path / "server")
    with closing(serving):
        serving.start(secrets(objects))
        serving.wait_until_ready()
        lines = [json.loads(line) for line in serving.log.read_text().splitlines() if line.startswith("{")]
        (noted,) = [line["fields"]["message"] for line in lines if line["target"] == "audit"]
        assert json.loads(noted)["stage"] == "noted"


def test_limits_change_without_a_restart(tmp_path: pathlib.Path):
    objects = chart.render(chart.SETS / "embedded.yaml")
    serving = server(objects, tmp_path / "server")
    with closing(serving):
        serving.start(secrets(objects))
        serving.wait_until_ready()
        mounted = pathlib.Path(serving.here("/etc/tokenlease/deployments/deployments.yaml"))
        mounted.write_text(yaml.safe_dump({"deployments": {"new": {"tpm_limit": 5}}}))
        serving.wait(lambda: '"applied.deployments":1,' in serving.log.read_text())
        assert serving.stop() == 0


def call(gateway: Pod, key: str) -> int:
    """Asks for a completion; the status of the answer."""
    body = {"model": "llama-local", "messages": [{"role": "user", "content": "hello"}]}
    return gateway.post("/v1/chat/completions", body, {"authorization": f"Bearer {key}"})


def test_gateways_take_no_calls_without_the_key(tmp_path: pathlib.Path):
    objects = chart.render(chart.SETS / "watched-pods.yaml")
    workload = chart.named(objects, "Deployment", "quota-tokenlease-gateway")
    gateway = pod(objects, workload, tmp_path / "gateway", "http://127.0.0.1:1")
    known = secrets(objects)
    with closing(gateway):
        gateway.start(known)
        gateway.wait_until_ready()
        assert call(gateway, "sk-guessed") == 401
        # No quota server is there: whoever has the key gets as far as that.
        assert call(gateway, known["quota-tokenlease-gateway-key"]["master-key"]) == 503
        assert gateway.stop() == 0


def test_the_limits_of_gateways_are_known_without_a_right_to_change_them(tmp_path: pathlib.Path):
    objects = chart.render(chart.SETS / "gateways.yaml")
    serving = server(objects, tmp_path / "server")
    workload = chart.named(objects, "Deployment", "quota-tokenlease-gateway")
    gateway = pod(objects, workload, tmp_path / "gateway", serving.url())
    with closing(serving, gateway):
        serving.start(secrets(objects))
        serving.wait_until_ready()
        gateway.start(secrets(objects))
        gateway.wait_until_ready()
        token = secrets(objects)["quota-tokenlease-tokens"]["viewer-token"]
        list_them = [serving.program, "deployments", "list", "--url", serving.url()]
        listed = json.loads(subprocess.check_output([*list_them, "-o", "json"], env={"QUOTA_TOKEN": token}))["deployments"]
        assert [(each["id"], each["tpm_limit"], each["rpm_limit"], each["reservation"]) for each in listed] == [
            ("gpt-4o-eu", 150000, 500, "input")
        ]
        assert "admin" not in str(gateway.spec)
        assert gateway.stop() == 0
        assert serving.stop() == 0


def test_every_program_takes_its_settings(objects: list[dict], tmp_path: pathlib.Path):
    """Stores are none, so that many end; with 64 they would for a mistake in what the chart has rendered."""
    kinds = ("StatefulSet", "Deployment", "Job")
    for workload in [each for kind in kinds for each in chart.of_kind(objects, kind)]:
        starting = pod(objects, workload, tmp_path / workload["metadata"]["name"], "http://127.0.0.1:1")
        with closing(starting):
            starting.start(secrets(objects))
            starting.wait(lambda: has_begun(starting))
        assert starting.process.returncode != 64, starting.log.read_text()


def has_begun(starting: Pod) -> bool:
    return starting.process.poll() is not None or "listening on" in starting.log.read_text()
