"""What would go wrong: asks the quota server as a gateway does, and looks through LiteLLM's file with the plug-in's own
reading of it. Changes nothing, neither there nor here."""

from __future__ import annotations

from typing import Optional

from ..errors import ConfigError
from ._report import Finding, Level, Report
from ._server import look_at_server

__all__ = ["Finding", "Level", "Report", "run"]


def run(config: Optional[str] = None, processes: Optional[int] = None) -> Report:
    """Looks at the server that the environment names, and at a file of LiteLLM's. Raises nothing for what is wrong with
    them: that is what it reports."""
    report = Report()
    # First, since the file may set the environment.
    file = _read(config, report) if config else None
    look_at_server(report)
    if file is not None:
        try:
            from ._entries import look_at_entries
            from ..litellm import Settings
            from ._traps import look_for_traps

            settings = Settings.of_environment()
        except ConfigError as why:
            report.error("setting", str(why))
            return report
        look_at_entries(report, file, settings)
        look_for_traps(report, file, settings, processes)
    return report


def _read(config: str, report: Report) -> object:
    try:
        from ._litellm_file import LitellmFile
    except ImportError as why:
        text = f"LiteLLM's proxy cannot be imported here, so {config} was not read: {why}"
        report.error("litellm_missing", text)
        return None
    return LitellmFile.read(config, report)
