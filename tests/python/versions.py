"""Tries the plug-in with each LiteLLM that tests/python/versions.txt names, and writes what came of it into the table of
docs/litellm-plugin.md. Each is installed into a folder of its own, which is taken away afterwards; where the proxy's packages are
named too, it is tried in the proxy. What the table has of other versions stays.

    tests/python.sh versions                        # all of them: some minutes each
    tests/python.sh versions 'litellm==1.110.2'     # this one
"""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import List, Tuple

from install import install

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "bindings/python/tests"
PAGE = ROOT / "docs/litellm-plugin.md"
TABLE = re.compile(r"(?<=<!-- versions -->\n).*?(?=<!-- /versions -->)", re.DOTALL)
PROXY = "in the proxy"
#: The columns, each with its files of tests.
PARTS = ("alone", "answers", "attempts", "hooks", "limits", "quota")
COLUMNS = {
    "its parts": [f"test_litellm_{part}.py" for part in PARTS],
    "in the router": ["test_litellm_router.py"],
    PROXY: ["test_litellm_proxy.py", "test_litellm_doctor.py"],
}


def tried(wanted: str) -> str:
    """The row of what pip is to install."""
    version, has_proxy = wanted.split("==")[1], "[proxy]" in wanted
    with tempfile.TemporaryDirectory() as folder:
        python = install([wanted, *(ROOT / "tests/python/package.txt").read_text().split()], Path(folder))
        parts = [it for it in COLUMNS if has_proxy or it != PROXY]
        cells = {part: outcome(python, COLUMNS[part]) for part in parts}
    return f"| {version} | {' | '.join(cells.get(column, 'not tried') for column in COLUMNS)} |"


def outcome(python: Path, files: List[str]) -> str:
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        command = [python, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", f"--junit-xml={report.name}", *files]
        subprocess.run(command, cwd=TESTS, env=os.environ, check=False)
        text = report.read()
    if not text:
        return "no test ran"
    suite = ElementTree.fromstring(text).find("testsuite")
    assert suite is not None
    tests = int(suite.attrib["tests"])
    bad = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    return f"{tests} of {tests}" if not bad else f"**{tests - bad} of {tests}**"


def main(named: List[str]) -> int:
    """Writes the table anew with each row, by version."""
    listed = (ROOT / "tests/python/versions.txt").read_text().split()
    bad = 0
    for wanted in named or listed:
        row = tried(wanted)
        print(row, flush=True)
        bad += "**" in row
        page = PAGE.read_text()
        found = TABLE.search(page)
        assert found is not None, f"{PAGE} has no place for the table"
        rows = {version(line): line for line in found[0].splitlines()[2:]}
        rows[version(row)] = row
        lines = [f"| LiteLLM | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
        lines += [rows[key] for key in sorted(rows)]
        table = "\n".join(lines) + "\n"
        PAGE.write_text(TABLE.sub(lambda _: table, page))
    return 1 if bad else 0


def version(row: str) -> Tuple[int, ...]:
    """Of a row, to be sorted by."""
    return tuple(int(number) for number in row.split("|")[1].strip().split("."))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
