"""What was found, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Dict, List, Mapping, Optional


class Level(str, Enum):
    ERROR = "error"
    """Requests fail, or limits are not kept."""
    WARNING = "warning"
    """It works otherwise than one may think."""
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    level: Level
    code: str
    """Stable, for programs."""
    text: str
    about: Optional[str] = None
    """An entry's id, or a server's URL."""


@dataclass
class ServerSeen:
    """One of the URLs."""

    url: str
    is_reached: bool
    tls: bool


@dataclass
class Entry:
    """An entry of `model_list`."""

    id: str
    group: str
    standing: str
    """What its requests meet: `kept`, `free`, `unknown`."""
    limits: Dict[str, Any]
    """By what its requests are limited, by the server's names."""
    text: str


@dataclass
class Report:
    servers: List[ServerSeen] = field(default_factory=list)
    role: Optional[str] = None
    """What the credential may: `none`, `see`, `draw`, `register`; `None` where nobody could be asked."""
    deployments: Optional[List[Dict[str, Any]]] = None
    """What the server has; `None` where it could not be asked."""
    litellm: Optional[str] = None
    """LiteLLM's version."""
    entries: Optional[List[Entry]] = None
    findings: List[Finding] = field(default_factory=list)

    def error(self, code: str, text: str, about: Optional[str] = None) -> None:
        self.findings.append(Finding(Level.ERROR, code, text, about))

    def warning(self, code: str, text: str, about: Optional[str] = None) -> None:
        self.findings.append(Finding(Level.WARNING, code, text, about))

    def note(self, code: str, text: str, about: Optional[str] = None) -> None:
        self.findings.append(Finding(Level.NOTE, code, text, about))

    def is_well(self) -> bool:
        return all(finding.level is not Level.ERROR for finding in self.findings)

    def has(self, code: str) -> bool:
        return any(finding.code == code for finding in self.findings)

    def as_json(self) -> Dict[str, Any]:
        return {"ok": self.is_well(), **asdict(self)}

    def as_text(self) -> str:
        lines = ["Quota server", *_table(_server_row(it) for it in self.servers)]
        if self.role is not None:
            lines.append(f"  {_ROLES[self.role]}")
        if self.deployments is not None:
            lines += ["", f"Deployments of the server: {len(self.deployments)}"]
            lines += _table((it["id"], limits_text(it)) for it in self.deployments)
        if self.entries is not None:
            lines += ["", f"Entries of LiteLLM {self.litellm}: {len(self.entries)}"]
            lines += _table((it.group, it.id, it.text) for it in self.entries)
        lines += ["", *self._found()]
        return "\n".join(lines)

    def _found(self) -> List[str]:
        lines: List[str] = []
        for level in Level:
            for finding in (it for it in self.findings if it.level is level):
                about = f"{finding.about}: " if finding.about else ""
                lines.append(f"{level.value}: {about}{finding.text} [{finding.code}]")
        errors = sum(finding.level is Level.ERROR for finding in self.findings)
        return [*lines, "Nothing is wrong." if not errors else f"{errors} wrong."]


_ROLES = {
    "none": "the credential is not let in",
    "see": "the credential may look, and not draw",
    "draw": "the credential may draw",
    "register": "the credential may draw, and register limits",
}

#: What a deployment of the server has, as people say it.
_UNITS = {"tpm_limit": "tokens", "rpm_limit": "requests"}


def limits_of(found: Mapping[str, Any]) -> Dict[str, Any]:
    """The limits of a deployment, as the server has it."""
    return {name: found[name] for name in (*_UNITS, "limits") if found.get(name)}


def limits_text(found: Mapping[str, Any]) -> str:
    """The same for people, with those of longer periods."""
    period = "in any 60 s" if found.get("window") == "rolling" else "a minute"
    limits = " and ".join(f"{found[name]} {unit}" for name, unit in _UNITS.items() if found.get(name) is not None)
    longer = [
        f"{it['most']} {it['unit']} {'in any' if it.get('kind') == 'rolling' else 'a'} {it['per']}"
        for it in found.get("limits") or []
    ]
    return ", ".join([*([f"{limits} {period}"] if limits else []), *longer]) or "no limits"


def _server_row(server: ServerSeen) -> tuple[str, str]:
    how = "with TLS" if server.tls else "without TLS"
    return server.url, f"is reached, {how}" if server.is_reached else "is not reached"


def _table(rows: Any) -> List[str]:
    """Lines of columns, the last as long as it is."""
    cells = [list(row) for row in rows]
    if not cells:
        return []
    widths = [max(len(row[no]) for row in cells) for no in range(len(cells[0]) - 1)]
    return [
        "  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]])
        for row in cells
    ]
