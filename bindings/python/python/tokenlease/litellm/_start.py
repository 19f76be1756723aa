"""The start of a proxy: what is wrong with its deployments is to be told then, and not by the first request."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any, Awaitable, Callable, Dict, Optional

from litellm._logging import verbose_logger as log

#: LiteLLM makes its router after it has loaded what it calls: how long that is waited for, and how often looked for, seconds.
_PATIENCE_S = 600.0
_PAUSE_S = 0.1

Meet = Callable[[Dict[str, Any]], Awaitable[None]]


def meet_all(meet: Meet) -> Optional[asyncio.Task[None]]:
    """Meets each deployment of the proxy that loads the plug-in, one after another. `None` where there is no proxy: a router
    that is made as a library tells nobody of it."""
    proxy = sys.modules.get("litellm.proxy.proxy_server")
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    return None if proxy is None else loop.create_task(_meet_all(proxy, meet))


async def _meet_all(proxy: Any, meet: Meet) -> None:
    until = time.monotonic() + _PATIENCE_S
    while getattr(proxy, "llm_router", None) is None:
        if time.monotonic() >= until:
            return
        await asyncio.sleep(_PAUSE_S)
    for deployment in list(proxy.llm_router.model_list):
        try:
            await meet(deployment)
        except Exception as why:
            log.error("tokenlease: %s: %s", deployment.get("model_name"), why)
