"""`tokenlease doctor`, beside real servers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest

from tokenlease._doctor._report import limits_text
from processes import PROGRAMS, QuotaServer, early_in_a_minute

ROLES = ("gateway", "viewer", "admin")


def doctor(*arguments: str, **environment: str) -> Tuple[int, Dict[str, Any]]:
    """Its exit code, and what it says to programs."""
    ended = subprocess.run(
        [sys.executable, "-m", "tokenlease", "doctor", "--json", *arguments],
        env={"PYTHONPATH": ":".join(sys.path), "LITELLM_LOCAL_MODEL_COST_MAP": "True", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode in (0, 1), ended.stderr
    # LiteLLM's own words go before it.
    return ended.returncode, json.loads(ended.stdout[ended.stdout.index('{\n  "ok"') :])


def codes(said: Dict[str, Any], level: str) -> list[str]:
    return sorted({finding["code"] for finding in said["findings"] if finding["level"] == level})


class Guarded:
    """A server that asks for tokens, of one each role."""

    def __init__(self, folder: Path) -> None:
        self.tokens: Dict[str, str] = {}
        lines = ""
        for role in ROLES:
            made = [str(PROGRAMS / "quota-server"), "token", "--name", role, "--role", role]
            token, entry = subprocess.check_output(made, text=True).split("[[token]]")
            self.tokens[role] = next(line for line in token.splitlines() if line.startswith("tokenlease_"))
            lines += f"[[token]]{entry}"
        file = folder / "tokens.toml"
        file.write_text(lines)
        self.server = QuotaServer(folder / "data", extra=["--tokens-file", str(file)])


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    guarded = Guarded(tmp_path)
    yield guarded
    guarded.server.stop()


def test_a_server_that_is_there_has_its_deployments_told(server: QuotaServer) -> None:
    code, said = doctor(QUOTA_URL=server.url)
    assert (code, said["ok"], said["findings"]) == (0, True, [])
    assert said["servers"] == [{"url": server.url, "is_reached": True, "tls": False}]
    assert [(it["id"], it["tpm_limit"]) for it in said["deployments"]] == [("d", 1_000)]
    assert said["role"] == "register", "where nobody is asked for a token"


def test_nothing_is_changed(server: QuotaServer) -> None:
    early_in_a_minute()
    before = [server.catalogue(), server.holders("d")]
    doctor(QUOTA_URL=server.url)
    assert [server.catalogue(), server.holders("d")] == before


def test_a_server_that_is_not_there_is_named_with_the_cause(server: QuotaServer) -> None:
    away = "http://127.0.0.1:9"
    code, said = doctor(QUOTA_URL=f"{server.url},{away}")
    assert (code, codes(said, "error")) == (1, ["server_away"])
    (finding,) = said["findings"]
    assert finding["about"] == away and "refused" in finding["text"]
    assert len(said["deployments"]) == 1, "the other one was asked"


def test_what_is_no_quota_server_is_told_from_one() -> None:
    """Something else answers there."""
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    web = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    Thread(target=web.serve_forever, daemon=True).start()
    try:
        code, said = doctor(QUOTA_URL=f"http://127.0.0.1:{web.server_port}")
    finally:
        web.shutdown()
    assert (code, codes(said, "error")) == (1, ["no_quota_server"])


def test_a_url_that_lacks_tls_is_told(tmp_path: Path) -> None:
    certificate, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=quota"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = QuotaServer(tmp_path / "data", extra=["--tls-cert", certificate, "--tls-key", key])
    try:
        code, said = doctor(QUOTA_URL=server.url.replace("https", "http"))
    finally:
        server.stop()
    assert (code, codes(said, "error")) == (1, ["server_away"])
    assert "https" in said["findings"][0]["text"]


@pytest.mark.parametrize(
    "role, errors, told",
    [("gateway", [], "draw"), ("viewer", ["credential"], "see"), ("admin", [], "register")],
)
def test_what_a_credential_may_is_told(guarded: Guarded, role: str, errors: list[str], told: str) -> None:
    _, said = doctor(QUOTA_URL=guarded.server.url, QUOTA_TOKEN=guarded.tokens[role])
    assert (codes(said, "error"), said["role"]) == (errors, told)


def test_a_credential_that_is_not_known_is_told_from_a_server_that_is_away(guarded: Guarded) -> None:
    for token in ("", "guess"):
        code, said = doctor(QUOTA_URL=guarded.server.url, QUOTA_TOKEN=token)
        assert (code, codes(said, "error"), said["role"]) == (1, ["credential"], "none")
        assert said["servers"][0]["is_reached"] and said["deployments"] is None


def test_a_setting_that_cannot_be_used_is_named() -> None:
    code, said = doctor(QUOTA_URL="here")
    assert (code, codes(said, "error")) == (1, ["setting"])


def test_people_are_told_the_same(server: QuotaServer) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tokenlease", "doctor"],
        env={"PYTHONPATH": ":".join(sys.path), "QUOTA_URL": server.url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{server.url}  is reached, without TLS" in ended.stdout
    assert "d  1000 tokens and 100 requests a minute" in ended.stdout
    assert ended.stdout.endswith("Nothing is wrong.\n")


def test_limits_over_longer_periods_are_told() -> None:
    day = {"unit": "requests", "per": "day", "most": 9}
    any_hour = {"unit": "tokens", "per": "1h", "kind": "rolling", "most": 7}
    assert limits_text({"limits": [day]}) == "9 requests a day"
    told = limits_text({"tpm_limit": 5, "window": "rolling", "limits": [day, any_hour]})
    assert told == "5 tokens in any 60 s, 9 requests a day, 7 tokens in any 1h"
    assert limits_text({}) == "no limits"


def test_a_command_that_is_typed_wrongly_ends_with_64() -> None:
    for arguments in ([], ["nurse"], ["doctor", "--processes", "many"]):
        ended = subprocess.run([sys.executable, "-m", "tokenlease", *arguments], capture_output=True, check=False)
        assert ended.returncode == 64, ended.stderr
