"""What of LiteLLM's settings works against the plug-in, or beside it."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any, Dict, List, Optional

import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.types_utils.utils import get_instance_fn
from litellm.types.router import GenericLiteLLMParams

from ..litellm import Settings
from ._litellm_file import LitellmFile
from ._report import Report

#: The line that loads the plug-in.
_LINE = "tokenlease.litellm.plugin"
#: Older ones were not tried.
_OLDEST = (1, 83)
#: What the plug-in is called by. Without one of them it keeps no limit.
_HOOKS = (
    "async_filter_deployments",
    "async_pre_call_check",
    "async_pre_call_deployment_hook",
    "async_log_success_event",
)
#: What only newer LiteLLMs know in `litellm_params`: 1.94, and 1.109.
_NEWER = ("itpm", "otpm", "tpd", "rpd", "daily_reset_time")
#: Strategies that count `tpm` and `rpm` themselves.
_COUNTING = ("usage-based-routing", "usage-based-routing-v2")


def look_for_traps(
    report: Report, file: LitellmFile, settings: Settings, processes: Optional[int]
) -> None:
    _look_at_version(report)
    _look_for_line(report, file)
    _look_for_own_limits(report, file)
    _look_at_processes(report, settings, processes)
    _look_for_ways_around(report, file)


def _look_at_version(report: Report) -> None:
    report.litellm = version("litellm")
    missing = [name for name in _HOOKS if not hasattr(CustomLogger, name)]
    numbers = tuple(int(part) for part in report.litellm.split(".")[:2] if part.isdigit())
    if missing:
        text = f"LiteLLM {report.litellm} has no {', '.join(missing)}: no limit would be kept"
        report.error("litellm_old", text)
    elif numbers < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        report.warning("litellm_old", f"LiteLLM {report.litellm} was not tried: {oldest} and newer were")


def _look_for_line(report: Report, file: LitellmFile) -> None:
    """In `callbacks` older LiteLLMs look for files beside the config, and newer ones for packages too."""
    settings = file.section("litellm_settings")
    if _LINE in _listed(settings.get("success_callback")):
        return
    if _LINE not in _listed(settings.get("callbacks")):
        text = f'the plug-in is not loaded: add success_callback: ["{_LINE}"] to litellm_settings'
        report.error("line_missing", text)
        return
    try:
        get_instance_fn(_LINE, file.path)
    except ImportError as why:
        text = f"the plug-in stands in `callbacks`, and this LiteLLM does not find it there: say `success_callback` ({why})"
        report.error("line_missing", text)


def _look_for_own_limits(report: Report, file: LitellmFile) -> None:
    router = file.section("router_settings")
    strategy = router.get("routing_strategy")
    how = "for all replicas by way of Redis" if router.get("redis_host") or router.get("redis_url") else "in each replica"
    if strategy in _COUNTING:
        text = f"routing_strategy {strategy} counts tpm and rpm too, {how}, and denies by its own count: take another strategy"
        report.warning("own_limits", text)
    if "enforce_model_rate_limits" in _listed(router.get("optional_pre_call_checks")):
        text = f"enforce_model_rate_limits counts tpm and rpm too, {how}: take it out, the quota server keeps them"
        report.warning("own_limits", text)
    for deployment in file.deployments:
        _look_at_slots(report, deployment, router)
        _look_for_unknown(report, deployment)


def _look_at_slots(report: Report, deployment: Dict[str, Any], router: Dict[str, Any]) -> None:
    """Those that LiteLLM derives from limits, by its own reckoning."""
    parameters = deployment.get("litellm_params") or {}
    if parameters.get("max_parallel_requests") is not None:
        return
    slots = litellm.utils.calculate_max_parallel_requests(
        max_parallel_requests=None,
        rpm=parameters.get("rpm"),
        tpm=parameters.get("tpm"),
        default_max_parallel_requests=router.get("default_max_parallel_requests"),
    )
    if slots is not None:
        text = f"LiteLLM derives from its limits that {slots} of its requests may run at once in each process: more wait, or"
        text += " get 429 from newer LiteLLMs; set max_parallel_requests if that is too few"
        report.warning("slots", text, str((deployment.get("model_info") or {}).get("id")))


def _look_for_unknown(report: Report, deployment: Dict[str, Any]) -> None:
    """LiteLLM sends the provider what it does not know."""
    parameters = deployment.get("litellm_params") or {}
    unknown = [it for it in _NEWER if it in parameters and it not in GenericLiteLLMParams.model_fields]
    if unknown:
        text = f"{', '.join(unknown)}: this LiteLLM does not know them in litellm_params and sends them to the provider, which"
        text += " may refuse its requests: write them into model_info"
        report.error("sent_to_provider", text, str((deployment.get("model_info") or {}).get("id")))


def _look_at_processes(report: Report, settings: Settings, processes: Optional[int]) -> None:
    """Each worker is a process that draws, and has a share."""
    workers = os.environ.get("NUM_WORKERS", "")
    if processes is None and workers.isdigit():
        processes = int(workers)
    if not settings.alone_share:
        return
    most = settings.alone_replicas
    if processes is None:
        text = f"the shares without the server hold for {most} processes: replicas times workers; say --processes"
        report.note("processes", text)
    elif processes > most:
        text = f"{processes} processes have the shares of {most}: without the server limits would be broken;"
        report.error("processes", f"{text} set QUOTA_ALONE_REPLICAS={processes}")


def _look_for_ways_around(report: Report, file: LitellmFile) -> None:
    general = file.section("general_settings")
    for route in general.get("pass_through_endpoints") or []:
        text = "a pass-through route bypasses LiteLLM's router, and so the plug-in"
        report.warning("not_seen", text, str(route.get("path")))
    if general.get("store_model_in_db") or os.environ.get("STORE_MODEL_IN_DB", "").lower() == "true":
        report.note("not_seen", "models that LiteLLM keeps in its database are not in the file, and not looked at here")
    for deployment in file.deployments:
        info, parameters = deployment.get("model_info") or {}, deployment.get("litellm_params") or {}
        id = str(info.get("id"))
        if _mode(info, str(parameters.get("model"))) == "audio_speech":
            text = "LiteLLM's router does not say for which deployment speech is: 503, if its group has limits"
            report.warning("speech", text, id)
        if parameters.get("cooldown_time") is not None:
            text = "cooldown_time of its own: LiteLLM cools it down when another request took the last of it"
            report.warning("cools_down", text, id)


def _mode(info: Dict[str, Any], model: str) -> Optional[str]:
    """What a model is for, as LiteLLM knows it."""
    known = litellm.model_cost.get(model) or litellm.model_cost.get(model.split("/", 1)[-1]) or {}
    return info.get("mode") or known.get("mode")


def _listed(value: Any) -> List[Any]:
    """LiteLLM takes one or several."""
    return value if isinstance(value, list) else [] if value is None else [value]
