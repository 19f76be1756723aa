"""The Python half of a client: settings, asyncio, the ends of processes."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import socket
import weakref
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from . import _native
from .errors import ConfigError, ShutdownError

#: Where the quota server is, unless something else is said.
URL = "http://127.0.0.1:7700"

_clients: weakref.WeakSet[Client] = weakref.WeakSet()


class Client(_native.Client):
    """A holder of leases: one for each process. Cheap to keep, not to make.

    What is not given is taken from the environment, by the names that the gateway takes them by: `QUOTA_URL`,
    `QUOTA_TOKEN` or `QUOTA_TOKEN_FILE`, `QUOTA_HOLDER`, `QUOTA_MAX_WAIT_MS`, `QUOTA_CA_FILE`,
    `QUOTA_CLIENT_CERT_FILE` with `QUOTA_CLIENT_KEY_FILE`.

    - `urls`: the quota server, or several that keep one ledger; `http://127.0.0.1:7700` by default.
    - `holder`: this process's name in the server's book; the machine's name by default.
    - `max_wait`: seconds that a draw waits for a lease; 0.5 by default.
    - `shutdown_timeout`: seconds that `close` tries to give everything back.

    Raises `ConfigError` if a setting cannot be used.
    """

    def __new__(
        cls,
        urls: Union[str, Sequence[str], None] = None,
        *,
        token: Optional[str] = None,
        holder: Optional[str] = None,
        max_wait: Optional[float] = None,
        shutdown_timeout: float = 2.0,
        ca_file: Optional[str] = None,
        identity: Optional[Tuple[str, str]] = None,
    ) -> Client:
        environment = os.environ
        if urls is None:
            urls = environment.get("QUOTA_URL", URL)
        client = super().__new__(
            cls,
            urls=urls if isinstance(urls, str) else ",".join(urls),
            token=token or _token(environment),
            holder=holder or environment.get("QUOTA_HOLDER") or socket.gethostname(),
            max_wait=_max_wait(environment) if max_wait is None else max_wait,
            shutdown_timeout=shutdown_timeout,
            ca_file=ca_file or environment.get("QUOTA_CA_FILE"),
            identity=identity or _identity(environment),
        )
        _clients.add(client)
        return client

    def deployment(self, id: str) -> Deployment:
        """The deployment of this id. The client keeps what it was asked for, at most 16 384 of them: ids should
        come from a configuration, not from requests."""
        return Deployment(self, id)

    def put_deployment(self, id: str, **spec: Any) -> dict[str, Any]:
        """Makes or changes a deployment on the server, by the fields of its API: `tpm_limit`, `rpm_limit`,
        `model_group`, .. Needs a token of the role `admin`. Blocks its thread and no other.

        Raises `ValueError` for a field that is none, `ServerError` or `ServerAway`.
        """
        return json.loads(self.put_deployment_json(id, json.dumps(spec)))

    def deployment_on_server(self, id: str) -> dict[str, Any]:
        """A deployment, as the server has it. Blocks its thread and no other. Raises `ServerError` or
        `ServerAway`."""
        return json.loads(self.deployment_on_server_json(id))

    def deployments_on_server(self) -> List[Dict[str, Any]]:
        """All deployments of the server, by id. Blocks its thread and no other. Raises `ServerError` or
        `ServerAway`."""
        return json.loads(self.deployments_on_server_json())["deployments"]

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


class Deployment(_native.Deployment):
    """A deployment, to draw from. All handles of one id share its leases."""

    async def draw(
        self, tokens: int, requests: int = 1, *, max_wait: Optional[float] = None
    ) -> _native.Permit:
        """Draws, and waits for a lease while one may come: at most `max_wait` seconds, the client's by default.
        Cancelling it is safe: what it was about to get goes back. Raises `Denied`."""
        permit = self.draw_in_hand(tokens, requests)
        if permit is not None:
            return permit
        loop = asyncio.get_running_loop()
        drawn: asyncio.Future[_native.Permit] = loop.create_future()

        def told(permit: Optional[_native.Permit], denied: Optional[Exception]) -> None:
            loop.call_soon_threadsafe(_resolve, drawn, permit, denied)

        self.draw_later(tokens, requests, max_wait, told)
        try:
            permit = await drawn
        except asyncio.CancelledError:
            if drawn.done() and not drawn.cancelled() and drawn.exception() is None:
                drawn.result().cancel()
            raise
        permit.taken()
        return permit


def _resolve(
    drawn: asyncio.Future[_native.Permit],
    permit: Optional[_native.Permit],
    denied: Optional[Exception],
) -> None:
    """Who has stopped waiting gets nothing."""
    if drawn.done():
        if permit is not None:
            permit.cancel()
    elif permit is not None:
        drawn.set_result(permit)
    elif denied is not None:
        drawn.set_exception(denied)


def _token(environment: Mapping[str, str]) -> Optional[str]:
    token, path = environment.get("QUOTA_TOKEN"), environment.get("QUOTA_TOKEN_FILE")
    if token or not path:
        return token or None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError as why:
        raise ConfigError(f"QUOTA_TOKEN_FILE: {why}") from why


def _max_wait(environment: Mapping[str, str]) -> float:
    text = environment.get("QUOTA_MAX_WAIT_MS", "500")
    if not text.isdigit():
        raise ConfigError(f"QUOTA_MAX_WAIT_MS is {text!r}, and no whole number of milliseconds")
    return int(text) / 1000


def _identity(environment: Mapping[str, str]) -> Optional[Tuple[str, str]]:
    names = ("QUOTA_CLIENT_CERT_FILE", "QUOTA_CLIENT_KEY_FILE")
    certificate, key = (environment.get(name) for name in names)
    if bool(certificate) != bool(key):
        raise ConfigError("{} and {}: one is set without the other".format(*names))
    return (certificate, key) if certificate and key else None


def _end() -> None:
    """Gives back what all clients hold, and ends their threads, before the interpreter does."""
    for client in list(_clients):
        try:
            client.close()
        except ShutdownError:
            pass  # What was not given back stays charged, and nobody is left to tell.
    _native.end()


atexit.register(_end)
os.register_at_fork(after_in_child=_native.forked)
