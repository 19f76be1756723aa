"""The quota server, asked as a gateway asks it."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from typing import Iterator, Optional
from urllib.parse import urlsplit

from .._client import URL, Client
from ..errors import CallError, ConfigError, Denied, ServerAway, ServerError, ShutdownError
from ._report import Report, ServerSeen

_CLOSE_S = 0.5
_WAIT_S = 3.0
_TRIES = 4


@contextmanager
def _client(url: Optional[str] = None) -> Iterator[Client]:
    """One that holds nothing at its end, so nothing is lost if the server is not told of it."""
    client = Client(url, shutdown_timeout=_CLOSE_S)
    try:
        yield client
    finally:
        try:
            client.close()
        except ShutdownError:
            pass


def look_at_server(report: Report) -> None:
    """Each URL by itself, then all together: what the credential may, and what deployments there are."""
    urls = [url.strip() for url in os.environ.get("QUOTA_URL", URL).split(",")]
    for url in urls:
        report.servers.append(ServerSeen(url, False, urlsplit(url).scheme == "https"))
    try:
        with _client() as client:
            is_reached = [_is_reached(seen, report) for seen in report.servers]
            if any(is_reached):
                _look_through(client, report)
    except ConfigError as why:
        report.error("setting", str(why))
        return
    _warn_of_clear_text(report)


def _is_reached(seen: ServerSeen, report: Report) -> bool:
    """One that answers something is reached, whatever it thinks of who asks."""
    try:
        with _client(seen.url) as client:
            _ask(client)
    except ServerAway as why:
        report.error("server_away", _advice(str(why)), seen.url)
        return False
    except ServerError as why:
        is_stranger = why.code is None
        if is_stranger:
            report.error("no_quota_server", f"what answers there is no quota server: {why}", seen.url)
        seen.is_reached = not is_stranger
        return seen.is_reached
    seen.is_reached = True
    return True


def _ask(client: Client) -> None:
    """Some times, as a gateway does: a machine that is busy may be too slow once."""
    for _ in range(_TRIES - 1):
        try:
            client.deployments_on_server()
        except ServerAway:
            continue
        return
    client.deployments_on_server()


def _advice(why: str) -> str:
    """What the client says, and what to look at."""
    if "certificate" in why.lower() or "UnknownIssuer" in why:
        return f"{why} (QUOTA_CA_FILE names the authority that it trusts)"
    if "HTTP version" in why:
        return f"{why} (it may speak TLS: then its URL begins with https)"
    if "refused" in why:
        return f"{why} (nothing listens there: look at QUOTA_URL)"
    return why


def _look_through(client: Client, report: Report) -> None:
    try:
        report.deployments = client.deployments_on_server()
    except ServerError as why:
        report.role = "none" if why.status in (401, 403) else None
        code = "credential" if report.role else "server"
        report.error(code, f"{why} (QUOTA_TOKEN, QUOTA_TOKEN_FILE)" if report.role else str(why))
        return
    except CallError as why:
        report.error("server", str(why))
        return
    report.role = _role(client, report)


def _role(client: Client, report: Report) -> Optional[str]:
    """By what it is answered that asks for nothing: a lease of a deployment that is none, and a deployment without
    limits."""
    id = f"tokenlease-doctor-{uuid.uuid4()}"
    try:
        client.deployment(id).draw_blocking(1, max_wait=_WAIT_S).cancel()
    except Denied as denied:
        if denied.reason == "refused":
            report.error("credential", "the credential may look at deployments, and not draw: it is a viewer's")
            return "see"
        if denied.reason != "unknown_deployment":
            report.error("draw", f"no lease can be had: {denied}")
            return None
    try:
        client.put_deployment(id)
    except ServerError as why:
        return "draw" if why.code == "forbidden" else "register"
    except CallError as why:
        report.error("server", str(why))
    return "draw"


def _warn_of_clear_text(report: Report) -> None:
    has_token = os.environ.get("QUOTA_TOKEN") or os.environ.get("QUOTA_TOKEN_FILE")
    for seen in report.servers:
        host = urlsplit(seen.url).hostname or ""
        is_here = host in ("localhost", "::1") or host.startswith("127.")
        if has_token and not seen.tls and not is_here:
            report.warning("clear_text", "the token goes there in clear text: use https", seen.url)
