"""Links of a site that lead nowhere: to files and places that are not there. Other sites are not asked."""

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if not value:
                continue
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif name in ("href", "src") and tag != "base":
                self.links.append(value)
            elif name == "srcset":
                self.links += [piece.split()[0] for piece in value.split(",") if piece.strip()]


@cache
def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def broken(site: Path) -> list[str]:
    """A line for each link that is broken, on any page of a site in a folder."""
    _read.cache_clear()
    return [f"{path.relative_to(site)}: {why}" for path in sorted(site.rglob("*.html")) for why in _broken(site, path)]


def _broken(site: Path, path: Path) -> Iterator[str]:
    for link in dict.fromkeys(_read(path).links):
        try:
            parts = urlsplit(link)
        except ValueError:
            yield f"{link} is no address"
            continue
        if parts.scheme in ("http", "https"):
            if "." not in parts.netloc and not parts.netloc.startswith("localhost") or " " in link:
                yield f"{link} is no address"
        elif parts.scheme in ("mailto", "data"):
            continue
        elif parts.scheme or parts.netloc:
            yield f"{link} leads to {parts.scheme or 'another machine'}"
        elif why := _dead(site, path, unquote(parts.path), unquote(parts.fragment)):
            yield f"{link} {why}"


def _dead(site: Path, path: Path, to: str, anchor: str) -> str:
    there = (path if not to else site / to.lstrip("/") if to.startswith("/") else path.parent / to).resolve()
    if not there.is_relative_to(site.resolve()):
        return "leads out of the site"
    if not there.is_file():
        return "leads nowhere"
    # Scripts make anchors of their own on pages of search and of source code.
    if anchor and there.suffix == ".html" and anchor not in _read(there).anchors:
        return "names a place that is not on that page"
    return ""
