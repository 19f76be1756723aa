"""What goes wrong, as exceptions. Those that a draw raises tell what its caller can do:

- `Exhausted`: try again after `retry_after`, or elsewhere. A gateway answers it with 429.
- `Unavailable`: quota cannot be had, whatever the size. A gateway answers it with 503.
- `NeverFits`: more than the limit itself. Repeating it is of no use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from ._native import Usage


class TokenleaseError(Exception):
    """Everything that this package raises of its own."""


class ConfigError(TokenleaseError, ValueError):
    """A setting cannot be used."""


class Denied(TokenleaseError):
    """A draw got no permit."""

    reason: str
    """Why, as a label: `exhausted`, `endgame`, `refilling`, `quarantined`, `never_fits`, `empty`, `no_server`,
    `refused`, `unknown_deployment`, `too_many_deployments`, `closed`, `dead`."""
    retry_after: Optional[float]
    """Seconds until this size may fit; `None` where nothing that is known of will bring it about."""
    unit: Optional[str]
    """The unit that ran out, `tokens` or `requests`, where the server said so."""
    state: Optional[str]
    """The deployment's state, where it is known: `ok`, `endgame`, `exhausted`, `quarantined`."""
    usage: Optional[Usage]
    """How full the window was, when the server last told."""

    def __init__(
        self,
        message: str,
        reason: str,
        retry_after: Optional[float] = None,
        unit: Optional[str] = None,
        state: Optional[str] = None,
        usage: Optional[Usage] = None,
    ) -> None:
        super().__init__(message, reason, retry_after, unit, state, usage)
        self.reason = reason
        self.retry_after = retry_after
        self.unit = unit
        self.state = state
        self.usage = usage

    def __str__(self) -> str:
        if self.retry_after is None:
            return str(self.args[0])
        return f"{self.args[0]}; try again in {self.retry_after:.3f} s"


class Exhausted(Denied):
    """Not enough is left just now."""


class Unavailable(Denied):
    """No quota can be had: the server is away, refuses this client or does not know the deployment, the
    window is quarantined, or the client was closed."""


class NeverFits(Denied):
    """More than the limit itself, or nothing at all."""


class PermitEnded(TokenleaseError):
    """The permit was settled, cancelled or charged before."""


class CallError(TokenleaseError):
    """A call to the server brought no answer of use."""


class ServerError(CallError):
    """The server refused."""

    status: int
    """The HTTP status."""
    code: Optional[str]
    """The stable code of the problem document, if there was one: `forbidden`, `deployment_not_found`, .."""

    def __init__(self, message: str, status: int, code: Optional[str] = None) -> None:
        super().__init__(message, status, code)
        self.status = status
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class ServerAway(CallError):
    """No server answered."""


class ShutdownError(TokenleaseError):
    """The server was not told of everything at the end: what was not given back stays charged."""
