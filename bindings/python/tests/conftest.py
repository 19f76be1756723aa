from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

import tokenlease
from processes import QuotaServer, early_in_a_minute


@pytest.fixture
def server(tmp_path: Path) -> Iterator[QuotaServer]:
    """A quota server with the deployment `d`: 1 000 tokens and 100 requests a minute."""
    early_in_a_minute()
    server = QuotaServer(tmp_path / "data")
    server.put("d", tpm_limit=1_000, rpm_limit=100)
    yield server
    server.stop()


@pytest.fixture
def client(server: QuotaServer) -> Iterator[tokenlease.Client]:
    client = tokenlease.Client(server.url, holder="test", max_wait=5.0)
    yield client
    client.close()
