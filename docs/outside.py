#!/usr/bin/env python3
"""A preprocessor of mdBook: links that leave docs/ lead to the page of the book that shows the same file,
or become plain text where the book has none.

A page that includes a file of the repository keeps that file's links, relative to where it lies.
"""

import json
import posixpath
import re
import sys

# The pages that show a file of the repository, as it is.
SHOWN = {
    "architecture.md": "ARCHITECTURE.md",
    "changes.md": "CHANGELOG.md",
    "helm.md": "helm/README.md",
    "security.md": "SECURITY.md",
}
PAGES = {file: page for page, file in SHOWN.items()}
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")


def rewritten(page: str, text: str) -> str:
    folder = posixpath.dirname(SHOWN.get(page, f"docs/{page}"))

    def link(found: re.Match[str]) -> str:
        name, target = found.groups()
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target) or not path:
            return found.group()
        file = posixpath.normpath(posixpath.join(folder, path))
        inside = PAGES.get(file) or (file.removeprefix("docs/") if file.startswith("docs/") else None)
        if inside is None:
            return name if f"`{file}`" in name or name == file else f"{name} (`{file}`)"
        inside = posixpath.relpath(inside, posixpath.dirname(page) or ".")
        return f"[{name}]({inside}{'#' + anchor if anchor else ''})"

    return LINK.sub(link, text)


def walk(items: list) -> None:
    for item in items:
        if isinstance(item, dict) and (chapter := item.get("Chapter")):
            if chapter["path"]:
                chapter["content"] = rewritten(chapter["path"], chapter["content"])
            walk(chapter["sub_items"])


if len(sys.argv) > 1 and sys.argv[1] == "supports":
    sys.exit(0)
_, book = json.load(sys.stdin)
walk(book.get("items") or book["sections"])
json.dump(book, sys.stdout)
