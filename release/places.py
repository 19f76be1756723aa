"""Puts into a copy of the chart where the maintainers publish: places.py FOLDER VERSION, with REGISTRY and BOOK_URL in the environment."""

import os
import pathlib
import sys


def main(folder: pathlib.Path, version: str, registry: str, book: str) -> None:
    values, chart = folder / "values.yaml", folder / "Chart.yaml"
    replace(chart, "version: ", version)
    replace(chart, "appVersion: ", f'"{version}"')
    if registry:
        host, _, path = registry.partition("/")
        replace(values, "  registry: ", host)
        replace(values, "  repository: ", f"{path}/tokenlease".lstrip("/"))
    if book:
        replace(values, "    runbookUrl: ", f"{book}/runbook.html")
        chart.write_text(chart.read_text() + f"home: {book}\n")


def replace(file: pathlib.Path, key: str, value: str) -> None:
    """Of the one line that begins with this; what stands around it, comments too, stays."""
    lines = file.read_text().splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith(key)]
    lines[at] = key + value
    file.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2], os.environ.get("REGISTRY", ""), os.environ.get("BOOK_URL", ""))
