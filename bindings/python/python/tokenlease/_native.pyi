"""The native half of the package."""

from typing import Callable, Optional, Tuple

class Client:
    def __new__(
        cls,
        urls: str,
        token: Optional[str],
        holder: str,
        max_wait: float,
        shutdown_timeout: float,
        ca_file: Optional[str],
        identity: Optional[Tuple[str, str]],
    ) -> Client: ...
    def close(self) -> None:
        """Gives everything back, and ends. Draws are denied from now on; permits that are out are waited for, at
        most `shutdown_timeout`. Does nothing in a fork's child that has not used the client. Raises
        `ShutdownError` if the server was not told of everything."""
    def put_deployment_json(self, id: str, spec: str) -> str: ...
    def deployments_on_server_json(self) -> str: ...
    def deployment_on_server_json(self, id: str) -> str: ...

class Deployment:
    def __new__(cls, client: Client, id: str) -> Deployment: ...
    @property
    def id(self) -> str:
        """Its id."""
    def try_draw(self, tokens: int, requests: int = 1) -> Permit:
        """Draws from the leases in hand, without waiting. Raises `Denied` if none covers it; unless it is known
        that asking is of no use, a lease is asked for in the background."""
    def draw_in_hand(self, tokens: int, requests: int = 1) -> Optional[Permit]:
        """Draws from the leases in hand, or not at all: `None` if none covers it. No lease is asked for, and
        nothing counts as denied."""
    def draw_blocking(
        self, tokens: int, requests: int = 1, *, max_wait: Optional[float] = None
    ) -> Permit:
        """Draws, and waits for a lease while one may come: at most `max_wait` seconds, the client's by default.
        Blocks its thread and no other. Raises `Denied`."""
    def draw_later(
        self,
        tokens: int,
        requests: int,
        max_wait: Optional[float],
        told: Callable[[Optional[Permit], Optional[Exception]], object],
    ) -> None: ...
    def accepts(self, tokens: int, requests: int = 1) -> bool:
        """Whether a draw of this amount may succeed: a lease in hand covers it, or asking for one may help."""
    def view(self) -> View:
        """How the deployment stands, as far as this process knows."""

class Permit:
    """The handle of one draw. It says what came of the request: `settle` when the real usage is known, `cancel`
    when it was never sent. One that is dropped is charged in full, since nobody knows what its request used; so
    is one whose `with` block ends without a word."""

    @property
    def tokens(self) -> int:
        """The tokens that were reserved."""
    @property
    def requests(self) -> int:
        """The requests that were reserved."""
    @property
    def is_open(self) -> bool:
        """Whether it has not been settled, cancelled or charged yet."""
    def settle(self, tokens: int, requests: Optional[int] = None) -> None:
        """Corrects the reservation to what the request really used: `tokens`, and as many requests as were reserved
        unless they are given. The rest returns to the lease; what was used beyond is charged. Raises `PermitEnded`
        if the permit has ended."""
    def cancel(self) -> None:
        """The request was never sent: all of the reservation returns. Raises `PermitEnded` if the permit has
        ended."""
    def taken(self) -> None:
        """It has come to who asked for it: `Deployment.draw` says so."""
    def charge(self) -> None:
        """Nobody knows what the request used: charged in full. Does nothing if the permit has ended."""
    def __enter__(self) -> Permit: ...
    def __exit__(self, *_exception: object) -> None: ...

class Usage:
    """How full a deployment's window was, when the server last told."""

    @property
    def limit_tokens(self) -> Optional[int]:
        """Tokens a window; `None` without a limit."""
    @property
    def remaining_tokens(self) -> Optional[int]:
        """Tokens that can still be granted; `None` without a limit."""
    @property
    def limit_requests(self) -> Optional[int]:
        """Requests a window; `None` without a limit."""
    @property
    def remaining_requests(self) -> Optional[int]:
        """Requests that can still be granted; `None` without a limit."""

class View:
    """A deployment, as this process sees it just now: an estimate, since what other holders do is known from the
    server's last answer only."""

    @property
    def state(self) -> Optional[str]:
        """The state that the server told last, while its window lasts."""
    @property
    def usage(self) -> Optional[Usage]:
        """How full the window may be for this process, its own leases counted as free. `None` if nothing is known."""
    @property
    def window_ends_in(self) -> Optional[float]:
        """Seconds until the window's end, where it is known and the window is of a kind that ends."""

def forked() -> None: ...
def end() -> None: ...
