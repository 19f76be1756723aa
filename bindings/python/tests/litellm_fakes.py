"""Stand-ins for what the plug-in's parts speak with: permits, calls of LiteLLM's, a server, a clock."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Tuple

from tokenlease.errors import Exhausted, ServerAway, ServerError, Unavailable
from tokenlease.litellm import Settings
from tokenlease.litellm._attempts import Policy
from tokenlease.litellm._limits import Limits
from tokenlease.litellm._quota import Quota


class Ledger:
    """Notes how each permit ends."""

    def __init__(self) -> None:
        self.ends: List[Tuple[str, str, Optional[int]]] = []

    def permit(self, name: str) -> Noted:
        return Noted(self, name)


class Noted:
    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger, self._name = ledger, name

    def settle(self, tokens: int, requests: Optional[int] = None) -> None:
        self._ledger.ends.append((self._name, "settled", tokens))

    def cancel(self) -> None:
        self._ledger.ends.append((self._name, "cancelled", None))

    def charge(self) -> None:
        self._ledger.ends.append((self._name, "charged", None))


REFUND = Policy()


def sent(call_id: str = "call", log: Optional[Dict[str, Any]] = None, **fields: Any) -> Dict[str, Any]:
    """What LiteLLM calls a deployment with. In a proxy all attempts share what is logged of them."""
    call = {"litellm_call_id": call_id, "model": "openai/gpt-4o", "model_info": {"id": "d"}, **fields}
    if log is not None:
        call["litellm_logging_obj"] = SimpleNamespace(model_call_details=log)
    return call


def logged(call: Dict[str, Any], **told: Any) -> Dict[str, Any]:
    """What LiteLLM logs of it."""
    log = call["litellm_logging_obj"].model_call_details if "litellm_logging_obj" in call else {}
    parameters = {"model_info": call["model_info"]}
    return {**log, "litellm_call_id": call["litellm_call_id"], "litellm_params": parameters, **told}


class Server:
    """In the place of a client and its server: what they say of every deployment."""

    def __init__(self, says: Any = None) -> None:
        self.says = says
        self.asked = 0
        self.before: Callable[[], object] = lambda: None
        self.draws: Any = None
        self.has_room = True
        self.keeps_days = True
        self.window_ends_in: Optional[float] = None
        self.ledger = Ledger()

    def view(self) -> SimpleNamespace:
        return SimpleNamespace(window_ends_in=self.window_ends_in)

    def deployment(self, id: str) -> Server:
        return self

    def deployment_on_server(self, id: str) -> Dict[str, Any]:
        self.asked += 1
        self.before()
        if isinstance(self.says, Exception):
            raise self.says
        if self.says is None:
            raise ServerError("no such deployment", 404, "deployment_not_found")
        return self.says

    def put_deployment(self, id: str, **spec: Any) -> Dict[str, Any]:
        if isinstance(self.says, Exception):
            raise self.says
        # As the server, which takes no field that it does not know.
        if read_only := {"id", "version", "declared"} & spec.keys():
            raise ServerError(f"unknown field {read_only}", 400, "malformed_body")
        if spec.get("limits") and not self.keeps_days:
            raise ServerError("`limits`: this ledger keeps none", 422, "invalid_value")
        self.says = {"window": "minute", **spec}
        return self.says

    def accepts(self, tokens: int) -> bool:
        return self.has_room

    def try_draw(self, tokens: int) -> Noted:
        raise Exhausted("no", "exhausted", 1.0)

    async def draw(self, tokens: int) -> Noted:
        if isinstance(self.draws, Exception):
            raise self.draws
        return self.ledger.permit(f"{tokens}")


AWAY = ServerAway("it is away")
NO_SERVER = Unavailable("it is away", "no_server", 0.1)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def quota(
    server: Server,
    clock: Any = time.monotonic,
    tpm: Optional[int] = 100,
    tpd: Optional[int] = None,
    **settings: Any,
) -> Quota:
    return Quota(server, Limits("d", "g", tpm, None, tpd), Settings(**settings), clock)  # type: ignore[arg-type]
