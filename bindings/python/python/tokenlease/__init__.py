"""One limit, many gateways: draws requests from token leases, locally and in microseconds.

    import tokenlease

    with tokenlease.Client("http://127.0.0.1:7700") as client:
        deployment = client.deployment("gpt-4o-eu")
        with deployment.try_draw(1_500) as permit:      # or: await deployment.draw(1_500)
            used = send_the_request()
            permit.settle(used)

A draw that gets no permit raises `Denied`: `Exhausted`, `Unavailable` or `NeverFits`. A permit that ends
without a word is charged in full. After a fork the child is another holder: it makes its own runtime, and its
parent's permits are not its own. At the interpreter's exit all clients are closed and their threads end.
"""

from ._client import Client, Deployment
from ._native import Permit, Usage, View
from .errors import (
    CallError,
    ConfigError,
    Denied,
    Exhausted,
    NeverFits,
    PermitEnded,
    ServerAway,
    ServerError,
    ShutdownError,
    TokenleaseError,
    Unavailable,
)

__all__ = [
    "CallError",
    "Client",
    "ConfigError",
    "Denied",
    "Deployment",
    "Exhausted",
    "NeverFits",
    "Permit",
    "PermitEnded",
    "ServerAway",
    "ServerError",
    "ShutdownError",
    "TokenleaseError",
    "Unavailable",
    "Usage",
    "View",
]
