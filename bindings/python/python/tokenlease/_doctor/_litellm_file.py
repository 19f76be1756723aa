"""A file of LiteLLM's, as LiteLLM's proxy and router read it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from litellm import Router
from litellm.proxy.proxy_server import ProxyConfig

from ._report import Report


@dataclass(frozen=True)
class LitellmFile:
    path: str
    sections: Dict[str, Dict[str, Any]]
    deployments: List[Dict[str, Any]]
    """The entries, as the plug-in is told of them."""
    unnamed: List[str]
    """The model groups of entries whose id LiteLLM makes."""

    @classmethod
    def read(cls, path: str, report: Report) -> Optional[LitellmFile]:
        """What it says of the environment holds from now on. `None`, and an error, if LiteLLM cannot read it."""
        try:
            config = asyncio.run(ProxyConfig().get_config(path))
            for name, value in (config.get("environment_variables") or {}).items():
                os.environ[name] = str(value)
            entries = config.get("model_list") or []
            unnamed = [
                str(entry.get("model_name"))
                for entry in entries
                if not (entry.get("model_info") or {}).get("id")
            ]
            router = Router(model_list=entries)
        except Exception as why:  # Whatever LiteLLM raises: it would not start either.
            report.error("file_unreadable", f"LiteLLM cannot read {path}: {why}")
            return None
        return cls(path, config, [dict(it) for it in router.model_list], unnamed)

    def section(self, name: str) -> Dict[str, Any]:
        """One of `litellm_settings`, `router_settings`, `general_settings`."""
        return self.sections.get(name) or {}
