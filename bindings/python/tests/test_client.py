"""Settings, the server, and the ends of clients."""

from __future__ import annotations

from pathlib import Path

import pytest

import tokenlease
from processes import QuotaServer


def test_a_deployment_is_made_and_read(server: QuotaServer, client: tokenlease.Client) -> None:
    made = client.put_deployment("new", tpm_limit=7, model_group="g")
    assert (made["id"], made["tpm_limit"], made["version"]) == ("new", 7, 1)
    assert client.deployment_on_server("new")["model_group"] == "g"
    with pytest.raises(tokenlease.ServerError) as missing:
        client.deployment_on_server("missing")
    assert (missing.value.status, missing.value.code) == (404, "deployment_not_found")
    with pytest.raises(ValueError, match="tpm"):
        client.put_deployment("new", tpm=7)


def test_settings_that_cannot_be_used_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for urls in ("", "localhost:1", "ftp://host"):
        with pytest.raises(tokenlease.ConfigError):
            tokenlease.Client(urls)
    with pytest.raises(ValueError):
        tokenlease.Client("http://127.0.0.1:1", max_wait=-1.0)
    monkeypatch.setenv("QUOTA_MAX_WAIT_MS", "soon")
    with pytest.raises(tokenlease.ConfigError, match="QUOTA_MAX_WAIT_MS"):
        tokenlease.Client("http://127.0.0.1:1")
    monkeypatch.setenv("QUOTA_MAX_WAIT_MS", "5")
    monkeypatch.setenv("QUOTA_TOKEN_FILE", "/there/is/none")
    with pytest.raises(tokenlease.ConfigError, match="QUOTA_TOKEN_FILE"):
        tokenlease.Client("http://127.0.0.1:1")


def test_the_environment_says_what_is_not_given(
    tmp_path: Path, server: QuotaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("anything goes where no tokens are configured\n")
    monkeypatch.setenv("QUOTA_URL", server.url)
    monkeypatch.setenv("QUOTA_HOLDER", "by-environment")
    monkeypatch.setenv("QUOTA_TOKEN_FILE", str(token))
    with tokenlease.Client(max_wait=5.0) as client:
        permit = client.deployment("d").draw_blocking(10)
        assert [holder.split("/")[0] for holder in server.holders("d")] == ["by-environment"]
        permit.cancel()


def test_without_a_server_draws_are_denied() -> None:
    client = tokenlease.Client("http://127.0.0.1:9", max_wait=0.2, shutdown_timeout=0.1)
    with pytest.raises(tokenlease.Unavailable) as denied:
        client.deployment("d").draw_blocking(1)
    assert denied.value.reason == "no_server"
    with pytest.raises(tokenlease.ServerAway):
        client.deployment_on_server("d")
    with pytest.raises(tokenlease.ShutdownError):
        client.close()


def test_a_closed_client_denies(client: tokenlease.Client) -> None:
    deployment = client.deployment("d")
    deployment.draw_blocking(1).settle(1)
    client.close()
    with pytest.raises(tokenlease.Unavailable) as denied:
        deployment.try_draw(1)
    assert denied.value.reason == "closed"
    client.close()


def test_close_waits_for_permits_and_says_if_one_stays_out(server: QuotaServer) -> None:
    client = tokenlease.Client(server.url, holder="test", max_wait=5.0, shutdown_timeout=0.1)
    permit = client.deployment("d").draw_blocking(1)
    with pytest.raises(tokenlease.ShutdownError):
        client.close()
    permit.charge()
