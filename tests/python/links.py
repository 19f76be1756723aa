"""Every link within the repository leads somewhere: those of the built book, and those of the Markdown files as
they are read on their own.

    python3 tests/python/links.py target/book README.md docs/*.md ..
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
OUTSIDE = re.compile(r"[a-z]+:|//")


class Page(html.parser.HTMLParser):
    """What a page of HTML links to, and what in it can be linked to."""

    def __init__(self, path: pathlib.Path):
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("id", "name") and value:
                self.ids.add(value)
            elif name in ("href", "src") and value:
                self.links.append(value)


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    text = re.sub(r"[^\w\- ]", "", heading.replace("`", "").strip().lower())
    return text.replace(" ", "-")


def anchors(path: pathlib.Path) -> set[str]:
    if path.suffix == ".html":
        return Page(path).ids
    text = FENCE.sub("", path.read_text())
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def links(path: pathlib.Path) -> list[str]:
    if path.suffix == ".html":
        return Page(path).links
    return LINK.findall(CODE.sub("", FENCE.sub("", path.read_text())))


def fault(path: pathlib.Path, link: str) -> str | None:
    if OUTSIDE.match(link):
        return None
    place, _, anchor = urllib.parse.unquote(link.split("?")[0]).partition("#")
    target = (path.parent / place).resolve() if place else path
    if not target.exists():
        return "there is no such file"
    if anchor and target.suffix in (".html", ".md") and anchor not in anchors(target):
        return "there is no such place in it"
    return None


def main(arguments: list[str]) -> int:
    book, *files = map(pathlib.Path, arguments)
    # The page for what is not found stands for every depth.
    pages = [page for page in book.rglob("*.html") if page.name not in ("404.html", "toc.html")]
    faults = checked = 0
    for path in [*pages, *files]:
        for link in links(path):
            checked += 1
            if found := fault(path, link):
                faults += 1
                print(f"{path}: {link}: {found}")
    print(f"{checked} links in {len(pages) + len(files)} pages, {faults} lead nowhere")
    return 1 if faults or not pages else 0


sys.exit(main(sys.argv[1:]))
