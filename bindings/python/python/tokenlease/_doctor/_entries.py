"""What each entry of `model_list` is limited by, as the plug-in finds it."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ..litellm import Settings
from ..litellm._alone import per_process
from ..litellm._limits import Limits, Standing, not_kept, without_limits
from ..litellm._quota import why_no_share
from ._litellm_file import LitellmFile
from ._report import Entry, Report, limits_of, limits_text

_AT_ONCE = "max_parallel_requests"
_REGISTERS = "QUOTA_REGISTER=1 puts the file's"


def look_at_entries(report: Report, file: LitellmFile, settings: Settings) -> None:
    report.entries = []
    all: List[Limits] = []
    known = {it["id"]: it for it in report.deployments or []}
    if settings.register and report.role == "draw":
        text = "QUOTA_REGISTER=1 needs a token of the role admin: entries that the server does not know get 503"
        report.error("credential", text)
    for deployment in file.deployments:
        try:
            limits = Limits.of(deployment)
        except (TypeError, ValueError) as why:
            report.error("limit_unreadable", str(why), str(deployment.get("model_name")))
            continue
        all.append(limits)
        found = known.get(limits.id)
        report.entries.append(_entry(limits, found, settings))
        if report.deployments is not None:
            _compare(report, limits, found, settings)
        _warn_of_share(report, limits, found, settings)
        _warn_of_not_kept(report, limits, deployment)
    _note_slots(report, file)
    _warn_of_ids(report, file, all)


def _entry(limits: Limits, found: Optional[Mapping[str, Any]], settings: Settings) -> Entry:
    standing = limits.standing(settings.register, found)
    kept = dict(found or {})
    # The server's limits hold, unless others are put in their place.
    if settings.register:
        kept = {**without_limits(kept), **limits.put_over(kept, settings.alone_share)}
    text = {
        Standing.KEPT: f"is kept at {limits_text(kept)}",
        Standing.FREE: "has no limits",
        Standing.UNKNOWN: "gets 503: the server does not know it",
    }
    return Entry(
        limits.id,
        limits.group,
        standing.value,
        limits_of(kept) if standing is Standing.KEPT else {},
        text[standing],
    )


def _compare(
    report: Report, limits: Limits, found: Optional[Mapping[str, Any]], settings: Settings
) -> None:
    """With the server's."""
    if limits.standing(settings.register, found) is Standing.UNKNOWN:
        text = "the server has no such deployment: make it there, or set QUOTA_REGISTER=1; until then it gets 503"
        report.error("deployment_unknown", text, limits.id)
    if found is None:
        return
    if settings.register and not limits.has_any():
        text = f"the server has {limits_text(found)}, but {_REGISTERS}, and the entry has none: it is not limited"
        report.warning("limit_ignored", text, limits.id)
        return
    differing = limits.differ_from(found, settings.alone_share)
    if not settings.register and not limits.has_any() or not differing:
        return
    wanted = limits_text(limits.put_over({}, settings.alone_share))
    if settings.register:
        text = f"the server has {limits_text(found)}: {_REGISTERS} there, {wanted}, at the replicas' start"
        report.warning("limit_differs", text, limits.id)
    else:
        text = f"the server's {limits_text(found)} count, and not the file's {wanted}"
        report.warning("limit_differs", text, limits.id)


def _warn_of_share(
    report: Report, limits: Limits, found: Optional[Mapping[str, Any]], settings: Settings
) -> None:
    """Of what is kept for times without the server."""
    if not settings.alone_share or not limits.has_any():
        return
    if why := why_no_share({**(found or {}), **limits.put_over(found or {}, settings.alone_share)}):
        report.warning("no_share", f"without the server it has no share: {why}", limits.id)
        return
    shares = [
        per_process(limit, settings.alone_share, settings.alone_replicas)
        for limit in (limits.tpm, limits.rpm)
    ]
    if 0 in shares:
        text = "the share that a process has without the server is less than one: it gets 429 then"
        report.warning("no_share", text, limits.id)


def _warn_of_not_kept(report: Report, limits: Limits, deployment: Dict[str, Any]) -> None:
    names = [name for name in not_kept(deployment) if name != _AT_ONCE]
    if names:
        text = f"{', '.join(names)}: kept by LiteLLM only, in each replica, and only where enforce_model_rate_limits says so"
        report.warning("limit_not_kept", text, limits.id)


def _note_slots(report: Report, file: LitellmFile) -> None:
    """Of requests at once each process of LiteLLM's keeps its own number, as its users may expect."""
    having = [it for it in file.deployments if _AT_ONCE in not_kept(it)]
    if having:
        text = f"{_AT_ONCE} of {len(having)} entries: LiteLLM keeps it in each process, and nobody over all of them"
        report.note("per_process", text)


def _warn_of_ids(report: Report, file: LitellmFile, all: List[Limits]) -> None:
    for group in file.unnamed:
        text = "no model_info.id: LiteLLM makes it of the whole entry, so a new key is a new deployment, with a fresh minute"
        report.warning("id_missing", text, group)
    by_id: Dict[str, Limits] = {}
    for limits in all:
        if by_id.setdefault(limits.id, limits) != limits:
            text = "entries with this id have different limits: the plug-in begins anew whenever another of them is met"
            report.warning("id_twice", text, limits.id)
