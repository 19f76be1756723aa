"""The command `tokenlease`, which `python -m tokenlease` is too."""

from __future__ import annotations

import argparse
import json
import sys
from typing import NoReturn, Optional, Sequence

from . import _doctor

#: As with the server's commands: what was typed is wrong.
_USAGE = 64


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(_USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="tokenlease", description="Token leases for LLM quotas, in Python.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    doctor = commands.add_parser(
        "doctor",
        help="says whether the quota server is reached, and what would go wrong",
        description="Asks the quota server as a gateway would, by the same environment (QUOTA_URL, QUOTA_TOKEN, ..), and"
        " changes nothing there. Ends with 0 if nothing is wrong, with 1 if something is, with 64 if it is called wrongly.",
    )
    doctor.add_argument("--config", metavar="FILE", help="LiteLLM's config.yaml, which is looked through too")
    doctor.add_argument(
        "--processes", type=int, metavar="N", help="how many draw: replicas of the proxy times their workers"
    )
    doctor.add_argument("--json", action="store_true", help="for programs")
    return parser


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the command, and answers with its exit code."""
    options = _parser().parse_args(arguments)
    report = _doctor.run(options.config, options.processes)
    print(json.dumps(report.as_json(), indent=2) if options.json else report.as_text())
    return 0 if report.is_well() else 1


if __name__ == "__main__":
    sys.exit(main())
