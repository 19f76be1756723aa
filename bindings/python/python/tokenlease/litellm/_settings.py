from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Callable, Mapping, TypeVar

from ..errors import ConfigError

T = TypeVar("T", int, float)


@dataclass(frozen=True)
class Settings:
    """What the plug-in is told by the environment, besides what `tokenlease.Client` takes from there."""

    register: bool = False
    """`QUOTA_REGISTER=1`: the limits of `model_list` are put to the quota server when a deployment is first asked for,
    or is not there any more, with a token of the role `admin`. Without it the server's are the limits."""
    alone_share: float = 0.0
    """`QUOTA_ALONE_SHARE`, from 0 to 1: what part of each limit replicas may use without the quota server, while it is
    away. That part is kept out of what the server grants, and used once the server has said so. Needs `register`. 0:
    without the server, nothing passes."""
    alone_replicas: int = 1
    """`QUOTA_ALONE_REPLICAS`: how many processes share that part."""
    default_max_output: int = 1_024
    """`QUOTA_DEFAULT_MAX_OUTPUT_TOKENS`: reserved for the output of a request that names no maximum."""
    permit_timeout_s: float = 600.0
    """`QUOTA_PERMIT_TIMEOUT_S`: a request of which LiteLLM says nothing for so long is charged in full."""

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises `ConfigError`, with the name of what cannot be used."""

        def number(name: str, default: T, parse: Callable[[str], T], least: T, most: T) -> T:
            text = environment.get(name, "")
            try:
                value = parse(text) if text else default
            except ValueError:
                value = None
            if value is None or not least <= value <= most:
                raise ConfigError(f"{name} is {text!r}, and no number from {least} to {most}")
            return value

        settings = cls(
            register=environment.get("QUOTA_REGISTER", "").lower() in ("1", "true", "yes"),
            alone_share=number("QUOTA_ALONE_SHARE", cls.alone_share, float, 0.0, 1.0),
            alone_replicas=number("QUOTA_ALONE_REPLICAS", cls.alone_replicas, int, 1, 100_000),
            default_max_output=number(
                "QUOTA_DEFAULT_MAX_OUTPUT_TOKENS", cls.default_max_output, int, 0, 1 << 32
            ),
            permit_timeout_s=number(
                "QUOTA_PERMIT_TIMEOUT_S", cls.permit_timeout_s, float, 1.0, 86_400.0
            ),
        )
        if settings.alone_share and not settings.register:
            raise ConfigError("QUOTA_ALONE_SHARE needs QUOTA_REGISTER: it changes what is registered")
        return settings
