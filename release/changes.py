"""What is new in a version, by kind, as CHANGELOG.md has it: changes.py VERSION. For the page of a release."""

import pathlib
import sys

CHANGELOG = pathlib.Path(__file__).resolve().parents[1] / "CHANGELOG.md"
# In the order in which somebody reads them who is about to upgrade.
KINDS = ("Changed", "Removed", "Security", "Fixed", "Added")


class Unfit(Exception):
    """The changelog does not tell what a release needs to tell."""


def of_version(text: str, version: str) -> str:
    """Its part of the changelog, by kind in that order."""
    parts = text.split("\n## ")[1:]
    mine = [part for part in parts if part.split("\n")[0].split(" ")[0] == version]
    if len(mine) != 1:
        raise Unfit(f"CHANGELOG.md has {len(mine)} parts of {version}")
    head, *kinds = mine[0].split("\n### ")
    if head.split("\n", 1)[1:] and "\n- " in head:
        raise Unfit(f"{version}: entries before the first kind")
    by_kind = {kind.split("\n", 1)[0].strip(): kind.split("\n", 1)[1].strip() for kind in kinds}
    if unknown := by_kind.keys() - set(KINDS):
        raise Unfit(f"{version}: kinds that there are not: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    if not any(by_kind.values()):
        raise Unfit(f"{version}: nothing is new")
    return "\n\n".join(f"## {kind}\n\n{by_kind[kind]}" for kind in KINDS if by_kind.get(kind)) + "\n"


if __name__ == "__main__":
    try:
        print(of_version(CHANGELOG.read_text(), sys.argv[1]), end="")
    except Unfit as unfit:
        sys.exit(f"release/changes.py: {unfit}")
